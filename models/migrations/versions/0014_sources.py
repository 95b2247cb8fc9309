"""Origin of an address, and the provider's receipts of messages that it accepted."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SOURCES = """
ALTER TABLE session_worker.delivery
    ADD COLUMN source text,   -- of the address: 'user', 'enrolment' or 'preference'
    ADD COLUMN receipt text CHECK (receipt IN ('delivered', 'undelivered'));

-- A receipt that brings back the worker's own key.
CREATE INDEX attempt_message ON session_worker.attempt (message_key);

-- The site's callback calls this: what a provider says of a message, by the provider's id or by the
-- worker's own key ({key}). 1, 2 and 16 are Kannel's words, of which 16 may come before 1 for
-- another part of the same text: what is undelivered stays so. 4 and 8 say that it is on its way.
-- False: there is no such message. Indexes: attempt_provider_id, attempt_message, primary key.
CREATE FUNCTION session_worker.receipt(channel text, id text, status text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
DECLARE
    said text := CASE lower(btrim($3))
        WHEN 'delivered' THEN 'delivered' WHEN '1' THEN 'delivered'
        WHEN 'undelivered' THEN 'undelivered' WHEN '2' THEN 'undelivered'
        WHEN '16' THEN 'undelivered'
        WHEN '4' THEN 'on its way' WHEN '8' THEN 'on its way' END;
    rows bigint[];
BEGIN
    IF said IS NULL THEN
        RAISE EXCEPTION 'receipt: % is neither delivered nor undelivered', coalesce($3, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    rows := ARRAY(
        SELECT a.delivery_id FROM session_worker.attempt a
         WHERE a.provider_id = $2 AND a.channel = $1
         UNION
        SELECT a.delivery_id FROM session_worker.attempt a
         WHERE $2 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
           AND a.message_key = CASE WHEN $2 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                    THEN $2::uuid END);
    UPDATE session_worker.delivery d SET receipt = said
     WHERE d.id = ANY(rows) AND said <> 'on its way' AND d.receipt IS DISTINCT FROM 'undelivered';
    RETURN cardinality(rows) > 0;
END
$$;
REVOKE EXECUTE ON FUNCTION session_worker.receipt(text, text, text) FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(SOURCES)
