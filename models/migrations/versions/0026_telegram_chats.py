"""Telegram: invitations, the chats that people linked, and how far the bot's updates are read."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLES = """
-- A start word that was given out. Its hash alone is kept; it serves once.
CREATE TABLE session_worker.telegram_invite (
    word        bytea PRIMARY KEY,       -- SHA-256
    person      bigint NOT NULL,         -- users.id
    expires_at  timestamptz NOT NULL
);

-- The chat of a person. Several people may have one chat: a family's phone.
CREATE TABLE session_worker.telegram_chat (
    person     bigint PRIMARY KEY,       -- users.id
    chat       bigint NOT NULL,
    linked_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX telegram_chat_chat ON session_worker.telegram_chat (chat);

-- One row: the updates up to `read_to` are read. Who reads holds it by a lease.
CREATE TABLE session_worker.telegram_reader (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    read_to      bigint NOT NULL DEFAULT 0,
    read_at      timestamptz,            -- after a week Telegram begins with any number again
    bot          bigint,                 -- whose updates they are: another bot has other numbers
    holder       uuid,
    lease_until  timestamptz,
    trouble      text                    -- why they could not be read the last time
);
INSERT INTO session_worker.telegram_reader DEFAULT VALUES;
"""

FUNCTIONS = """
-- The site calls this and shows the person t.me/BOT?start=WORD. The word is valid for ten minutes
-- and serves once; an earlier one of this person does not any more.
CREATE FUNCTION session_worker.telegram_invite(person bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
DECLARE
    made text := replace(gen_random_uuid()::text, '-', '');
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION 'telegram_invite: no person' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM session_worker.telegram_invite i
     WHERE i.person = $1 OR i.expires_at < clock_timestamp();
    INSERT INTO session_worker.telegram_invite (word, person, expires_at)
    VALUES (sha256(convert_to(made, 'UTF8')), $1, clock_timestamp() + interval '10 minutes');
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION session_worker.telegram_invite(bigint) FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FUNCTIONS)
