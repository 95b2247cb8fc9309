"""Receipts by try, the words of providers, and addresses that nothing reaches any more."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = """
-- What a word of a provider means. The site's admin may add words of another provider.
CREATE TABLE session_worker.receipt_word (
    word     text PRIMARY KEY,   -- in small letters
    meaning  text NOT NULL CHECK (
                 meaning IN ('on_its_way', 'delivered', 'undelivered', 'gone', 'opted_out')),
    source   text NOT NULL       -- whose word it is
);

-- A receipt as it came; one that comes again is the same row.
CREATE TABLE session_worker.receipt (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel      text NOT NULL,
    reference    text NOT NULL,  -- the provider's id of a try, or the worker's key
    status       text NOT NULL,  -- the provider's word, or 'bounced 5.1.1'
    meaning      text CHECK (    -- NULL: an unknown word
                     meaning IN ('on_its_way', 'delivered', 'undelivered', 'gone', 'opted_out')),
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    open         boolean NOT NULL DEFAULT true,  -- the sweep has not drawn its consequences yet
    UNIQUE (channel, reference, status)
);
CREATE INDEX receipt_open ON session_worker.receipt (id) WHERE open;

-- An address that refused for good, by its hash. An address that changes has another hash.
CREATE TABLE session_worker.dead_address (
    address     bigint PRIMARY KEY,
    channel     text NOT NULL,
    cause       text NOT NULL CHECK (
                    cause IN ('refused', 'bounced', 'bounced_five_times', 'gone', 'opted_out')),
    dead_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    revived_at  timestamptz       -- by an admin: what was before does not count any more
);
ALTER TABLE session_worker.attempt
    ADD COLUMN receipt text CHECK (receipt IN ('delivered', 'undelivered')),
    ADD COLUMN address bigint;    -- hash of the address that it went to
-- What an address refused. Few rows.
CREATE INDEX attempt_undelivered ON session_worker.attempt (address)
    WHERE receipt = 'undelivered' OR final AND about = 'person';
-- Makes the hashes of addresses differ from those of any other installation.
ALTER TABLE session_worker.installation
    ADD COLUMN address_salt uuid NOT NULL DEFAULT gen_random_uuid();
"""

# Africa's Talking: docs.africastalking.com/sms/deliveryreports (status, then failureReason).
# Twilio: twilio.com/docs/messaging/api/message-resource (status), /docs/api/errors (ErrorCode).
# SMPP: version 3.4, appendix B; gateways that bind to a network pass these words on as they are.
# Kannel: user guide 1.4.5, "dlr-mask". AfroMessage publishes no list of its words.
WORDS = """
INSERT INTO session_worker.receipt_word (source, meaning, word)
SELECT source, meaning, unnest(string_to_array(words, ' ')) FROM (VALUES
    ('any',              'delivered',   'delivered'),
    ('any',              'undelivered', 'undelivered failed rejected expired'),
    ('any',              'on_its_way',  'sent pending submitted accepted queued'),
    ('any',              'opted_out',   'opted_out unsubscribed stop'),
    ('Africa''s Talking', 'on_its_way',  'buffered'),
    ('Africa''s Talking', 'delivered',   'success'),
    ('Africa''s Talking', 'undelivered', 'insufficientcredit invalidlinkid userisinactive'
                                      || ' useraccountsuspended notnetworksubscriber'
                                      || ' deliveryfailure'),
    ('Africa''s Talking', 'opted_out',   'userinblacklist'),
    ('Twilio',           'on_its_way',  'scheduled sending'),
    ('Twilio',           'delivered',   'read'),
    ('Twilio',           'undelivered', 'partially_delivered canceled 30003 30004 30006 30007'
                                      || ' 30008'),
    ('Twilio',           'gone',        '21211 21614 21635 30005'),
    ('Twilio',           'opted_out',   '21610'),
    ('SMPP',             'on_its_way',  'enroute acceptd unknown'),
    ('SMPP',             'delivered',   'delivrd'),
    ('SMPP',             'undelivered', 'undeliv deleted rejectd'),
    ('Kannel',           'on_its_way',  '4 8'),
    ('Kannel',           'delivered',   '1'),
    ('Kannel',           'undelivered', '2 16')
) AS w(source, meaning, words);
"""

FUNCTIONS = """
-- The meaning of a status, 'Failed' or 'Failed:UserInBlackList'; NULL where it is unknown. The
-- reason behind the colon can only make a failure worse.
CREATE FUNCTION session_worker.receipt_meaning(status text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN r.meaning IN ('gone', 'opted_out')
                     AND (w.meaning = 'undelivered' OR w.meaning IS NULL)
                THEN r.meaning ELSE w.meaning END
      FROM (SELECT lower(btrim(split_part($1, ':', 1))) AS word,
                   lower(btrim(split_part($1, ':', 2))) AS reason) said
      LEFT JOIN session_worker.receipt_word w ON w.word = said.word
      LEFT JOIN session_worker.receipt_word r ON r.word = said.reason
$$;

-- The tries that a receipt is about: those with the provider's id, or the last one on this channel
-- of each row of a message with the worker's key. Indexes: attempt_provider_id, attempt_message.
CREATE FUNCTION session_worker.tries_of(channel text, reference text) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT a.id FROM session_worker.attempt a WHERE a.provider_id = $2 AND a.channel = $1
     UNION
    SELECT max(a.id) FROM session_worker.attempt a
     WHERE a.message_key = CASE WHEN $2 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                THEN $2::uuid END
       AND a.channel = $1 AND a.outcome IS DISTINCT FROM 'failed'
     GROUP BY a.delivery_id
$$;

-- Writes what receipts say to their tries, and to the rows of the ledger whose last try it was.
-- In any order and any number of times: of a message in parts, one that was refused decides.
-- Returns the tries. Indexes: primary keys, attempt_delivery.
CREATE FUNCTION session_worker.apply_receipts(receipts bigint[]) RETURNS SETOF bigint
LANGUAGE sql AS $$
    WITH said AS (
        SELECT t.id, bool_or(r.meaning <> 'delivered') AS undelivered
          FROM session_worker.receipt r
         CROSS JOIN LATERAL session_worker.tries_of(r.channel, r.reference) AS t(id)
         WHERE r.id = ANY($1) AND r.meaning <> 'on_its_way'
         GROUP BY t.id
    ), noted AS (
        UPDATE session_worker.attempt a
           SET receipt = CASE WHEN said.undelivered THEN 'undelivered' ELSE 'delivered' END
          FROM said WHERE a.id = said.id AND a.receipt IS DISTINCT FROM 'undelivered'
        RETURNING a.id, a.delivery_id, a.receipt
    ), told AS (
        UPDATE session_worker.delivery d SET receipt = noted.receipt
          FROM noted
         WHERE d.id = noted.delivery_id
           AND (SELECT max(l.id) FROM session_worker.attempt l WHERE l.delivery_id = d.id)
               = noted.id
    )
    SELECT id FROM said
$$;

-- Records a receipt; true where there is such a message. One for a try whose id is not known yet is
-- kept for the sweep. Index: attempt_recent.
CREATE FUNCTION session_worker.note_receipt(
    channel text, reference text, status text, meaning text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    known boolean := EXISTS (SELECT FROM session_worker.tries_of($1, $2));
    noted bigint;
BEGIN
    IF NOT known AND NOT EXISTS (
        SELECT FROM session_worker.attempt a
         WHERE a.begun_at > clock_timestamp() - interval '1 hour'
           AND a.channel = $1 AND a.provider_id IS NULL AND a.outcome IS DISTINCT FROM 'failed')
    THEN
        RETURN false;
    END IF;
    INSERT INTO session_worker.receipt AS r (channel, reference, status, meaning)
    VALUES ($1, $2, left(btrim($3), 200), $4)
    ON CONFLICT ON CONSTRAINT receipt_channel_reference_status_key DO NOTHING
    RETURNING r.id INTO noted;
    PERFORM session_worker.apply_receipts(ARRAY[noted]);
    RETURN known;
END
$$;

-- The site's callback calls this: what a provider says of a message, by the provider's id or by the
-- worker's own key ({key}). False: there is no such message (yet).
CREATE OR REPLACE FUNCTION session_worker.receipt(channel text, id text, status text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
BEGIN
    IF btrim(coalesce($3, '')) = '' THEN
        RAISE EXCEPTION 'receipt: no status' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(coalesce($2, '')) NOT BETWEEN 1 AND 200 THEN
        RETURN false;
    END IF;
    RETURN session_worker.note_receipt($1, $2, $3, session_worker.receipt_meaning($3));
END
$$;
"""


def upgrade() -> None:
    for script in (TABLES, WORDS, FUNCTIONS):
        op.execute(script)
