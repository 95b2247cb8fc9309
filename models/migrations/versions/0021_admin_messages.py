"""Messages to the admin: the errors that stand, and what was sent about them."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ADMIN_MESSAGES = """
-- The errors of the doctor that stand, so that each is told once.
CREATE TABLE session_worker.standing_error (
    identity  text PRIMARY KEY,
    seen_at   timestamptz NOT NULL
);
-- `occasion` makes a message unique, so that two planners make one. The digest's words are not
-- kept: it names people.
CREATE TABLE session_worker.admin_message (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('errors', 'digest')),
    occasion     text NOT NULL UNIQUE,
    findings     jsonb,
    message_key  uuid NOT NULL DEFAULT gen_random_uuid(),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_at   timestamptz,
    tries        integer NOT NULL DEFAULT 0,
    lease_until  timestamptz,
    retry_at     timestamptz,
    ended_at     timestamptz,
    outcome      text CHECK (outcome IN ('sent', 'failed', 'unknown', 'nothing', 'logged')),
    words        text
);
CREATE INDEX admin_message_open ON session_worker.admin_message (id) WHERE ended_at IS NULL;
"""


def upgrade() -> None:
    op.execute(ADMIN_MESSAGES)
