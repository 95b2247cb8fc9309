"""Channels that are in trouble, and whose trouble a failed try was."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TROUBLES = """
-- A channel whose last tries failed for a reason of its own: its provider is away, or refuses the
-- login. None of its messages is tried while it is down, but one now and then as a probe.
CREATE TABLE session_worker.channel_trouble (
    channel     text PRIMARY KEY,
    failures    integer NOT NULL,     -- in a row
    reason      text,                 -- the provider's words, without addresses
    failed_at   timestamptz NOT NULL,
    down_since  timestamptz,
    probe_at    timestamptz,          -- when the next message may be tried
    probes      integer NOT NULL DEFAULT 0
);

-- 'person', 'message', 'channel', 'transport' or 'later': the first two alone use up tries.
ALTER TABLE session_worker.attempt ADD COLUMN about text;
"""


def upgrade() -> None:
    op.execute(TROUBLES)
