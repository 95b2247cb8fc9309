"""Series of which the site refused rows, and when they are tried again."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

REFUSED = """
CREATE TABLE session_worker.refused (
    anchor_id  bigint PRIMARY KEY,
    version    text NOT NULL,         -- of the anchor, when it was tried
    guards     text NOT NULL,         -- hash of what in the site can refuse a row
    failures   integer NOT NULL,      -- in a row
    tried_at   timestamptz NOT NULL,
    retry_at   timestamptz NOT NULL
);
-- Whether one waits no longer.
CREATE INDEX refused_retry ON session_worker.refused (retry_at);
"""


def upgrade() -> None:
    op.execute(REFUSED)
