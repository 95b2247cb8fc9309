"""Links by which people stop their messages, and the functions behind them."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

LINKS = """
-- What stands for a person in the link of their messages (MUTE_URL): 72 random bits in letters and
-- digits that need no encoding and are short enough for an SMS. Always the same for one person, so
-- that the link in an old message works.
CREATE TABLE session_worker.mute_link (
    recipient  text PRIMARY KEY,     -- as in delivery
    person_id  bigint,               -- users.id
    key        text NOT NULL UNIQUE DEFAULT translate(
                   encode(substring(uuid_send(gen_random_uuid()) FROM 1 FOR 6)
                          || substring(uuid_send(gen_random_uuid()) FROM 10 FOR 3), 'base64'),
                   '+/', 'aZ'),
    made_at    timestamptz NOT NULL DEFAULT now(),
    muted_at   timestamptz           -- of somebody without a user, who has no preferences
);

-- The site calls this when a person asks for no more messages, by the key of the link: a POST of
-- its own page, or of a mail program (RFC 8058). All kinds are muted; whose preferences say
-- otherwise later gets messages again. Any number of times is as once. False: there is no such key.
-- Indexes: mute_link_key_key, the primary key of preference.
CREATE FUNCTION session_worker.mute(key text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
DECLARE
    link session_worker.mute_link;
BEGIN
    SELECT * INTO link FROM session_worker.mute_link m WHERE m.key = $1 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF link.person_id IS NULL THEN
        UPDATE session_worker.mute_link m SET muted_at = clock_timestamp()
         WHERE m.recipient = link.recipient AND m.muted_at IS NULL;
        RETURN true;
    END IF;
    INSERT INTO session_worker.preference AS p (person_id, muted) VALUES (link.person_id, true)
    ON CONFLICT (person_id, kind) DO UPDATE SET muted = true WHERE NOT p.muted;
    UPDATE session_worker.preference p SET muted = true
     WHERE p.person_id = link.person_id AND NOT p.muted;
    RETURN true;
END
$$;

-- And when they take it back; the site's own page of preferences does the same for a user.
CREATE FUNCTION session_worker.unmute(key text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
DECLARE
    link session_worker.mute_link;
BEGIN
    UPDATE session_worker.mute_link m SET muted_at = NULL WHERE m.key = $1 RETURNING m.* INTO link;
    UPDATE session_worker.preference p SET muted = false
     WHERE p.person_id = link.person_id AND p.muted;
    RETURN link.recipient IS NOT NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION session_worker.mute(text), session_worker.unmute(text) FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(LINKS)
