"""The inbox: messages as people read them, for the site to show; reading acknowledges."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INBOX = """
CREATE TABLE session_worker.inbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person       bigint NOT NULL,         -- users.id
    kind         text NOT NULL,           -- as in delivery
    title        text NOT NULL,
    text         text NOT NULL,
    link         text,                    -- the session's, http or https
    sessions     bigint[] NOT NULL,
    deliveries   bigint[] NOT NULL,
    message_key  uuid NOT NULL UNIQUE,    -- a message lies there once, however often it is tried
    placed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at      timestamptz              -- written by the site
);
-- What the site shows: a person's messages, the newest first.
CREATE INDEX inbox_person ON session_worker.inbox (person, id DESC);

-- Who may insert is the worker, and sees all; the owner does anyway. Any other role sees the
-- messages of the person whose id stands in the setting session_worker.person, and no others.
ALTER TABLE session_worker.inbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON session_worker.inbox
    USING ((SELECT has_table_privilege('session_worker.inbox'::regclass, 'INSERT')));
CREATE POLICY reader ON session_worker.inbox
    USING (person = (SELECT nullif(current_setting('session_worker.person', true), '')::bigint));

-- A message that is read in the inbox is acknowledged, as if the site had called the function.
CREATE FUNCTION session_worker.acknowledge_read() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
BEGIN
    PERFORM session_worker.acknowledge(d.id) FROM unnest(NEW.deliveries) AS d(id);
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION session_worker.acknowledge_read() FROM PUBLIC;
CREATE TRIGGER acknowledge_read AFTER UPDATE OF read_at ON session_worker.inbox
    FOR EACH ROW WHEN (OLD.read_at IS NULL AND NEW.read_at IS NOT NULL)
    EXECUTE FUNCTION session_worker.acknowledge_read();
"""


def upgrade() -> None:
    op.execute(INBOX)
