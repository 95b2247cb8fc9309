"""Tokens of people's calendar feeds."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

FEEDS = """
-- Who has the token reads the calendar at /calendar/TOKEN.ics. The token itself is shown once.
CREATE TABLE session_worker.feed_token (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id   bigint NOT NULL,              -- users.id
    digest      bytea NOT NULL UNIQUE,        -- SHA-256
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at     timestamptz,                  -- to the hour
    revoked_at  timestamptz
);
CREATE INDEX feed_token_person ON session_worker.feed_token (person_id);
"""


def upgrade() -> None:
    op.execute(FEEDS)
