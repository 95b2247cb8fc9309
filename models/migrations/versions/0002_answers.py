"""Functions that the site calls: a person has seen a message, or wants it again later.

They run with the rights of the worker's role, so that the site needs none on the ledger.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ANSWERS = """
-- What a person's answer to one ledger row is about: all rows of the same message, and of alarms
-- and reminders what came before and comes again.
-- Indexes: primary key, delivery_start, delivery_notice, delivery_once.
CREATE FUNCTION session_worker.answered(delivery bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    WITH message AS (
        SELECT $1 AS id
         UNION
        SELECT m.id FROM session_worker.delivery d
          JOIN session_worker.delivery m
            ON m.starts_at = d.starts_at AND m.kind = d.kind AND m.recipient = d.recipient
           AND m.message_key = d.message_key
         WHERE d.id = $1
         UNION
        SELECT m.id FROM session_worker.delivery d
          JOIN session_worker.delivery m ON m.message_key = d.message_key AND m.kind = 'notice'
         WHERE d.id = $1 AND d.kind = 'notice'
    )
    SELECT id FROM message
     UNION
    SELECT r.id FROM message
      JOIN session_worker.delivery d ON d.id = message.id
      JOIN session_worker.delivery r
        ON r.tutor_id = d.tutor_id AND r.student_id = d.student_id AND r.starts_at = d.starts_at
       AND r.kind = d.kind AND r.lead_minutes = d.lead_minutes AND r.recipient = d.recipient
     WHERE d.kind IN ('alarm', 'reminder')
$$;

-- planned, claimed or failed and waiting -> obsolete: the person's answer makes it needless.
-- Index: primary key.
CREATE FUNCTION session_worker.silence(deliveries bigint[], why text) RETURNS void
LANGUAGE sql AS $$
    WITH silent AS (
        UPDATE session_worker.delivery d
           SET state = 'obsolete', reason = $2, retry_at = NULL, holder = NULL, lease_until = NULL
         WHERE d.id = ANY($1)
           AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
        RETURNING d.id
    )
    INSERT INTO session_worker.move (delivery_id, state, reason)
    SELECT id, 'obsolete', $2 FROM silent
$$;

-- The site calls these two; docs/preferences.md has their rights.

-- The person has seen the message: what would repeat it does not go. False: there is no such row.
-- A message that was never answered for has arrived, then.
CREATE FUNCTION session_worker.acknowledge(delivery bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
DECLARE
    rows bigint[];
BEGIN
    -- A pass that repeats one of them is waited for; the statements below then see its repeat.
    PERFORM d.id FROM session_worker.delivery d
      WHERE d.id IN (SELECT session_worker.answered($1)) ORDER BY d.id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    rows := ARRAY(SELECT session_worker.answered($1));
    WITH arrived AS (
        UPDATE session_worker.delivery d
           SET state = 'sent', reason = 'acknowledged', retry_at = NULL,
               sent_at = coalesce((SELECT max(t.begun_at) FROM session_worker.attempt t
                                    WHERE t.delivery_id = d.id), clock_timestamp())
          FROM session_worker.delivery seen
         WHERE seen.id = $1 AND d.id = ANY(rows) AND d.message_key = seen.message_key
           AND (d.state = 'unknown' OR d.state = 'held' AND d.reason = 'no_answer')
        RETURNING d.id
    )
    INSERT INTO session_worker.move (delivery_id, state, reason)
    SELECT id, 'sent', 'acknowledged' FROM arrived;
    PERFORM session_worker.silence(rows, 'acknowledged');
    UPDATE session_worker.delivery d
       SET acknowledged_at = coalesce(d.acknowledged_at, clock_timestamp())
     WHERE d.id = ANY(rows);
    RETURN true;
END
$$;

-- The alarm or reminder comes again in so many minutes, in place of any other repeat of it.
-- False, and nothing changes: there is no such row, it is of another kind, or the session would
-- have begun by then.
CREATE FUNCTION session_worker.snooze(delivery bigint, minutes integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, session_worker, pg_temp AS $$
DECLARE
    rows bigint[];
    again_at timestamptz;
BEGIN
    IF minutes IS NULL OR minutes NOT BETWEEN 1 AND 120 THEN
        RAISE EXCEPTION 'snooze: % is not 1 to 120 minutes', coalesce(minutes::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM d.id FROM session_worker.delivery d
      WHERE d.id IN (SELECT session_worker.answered($1)) ORDER BY d.id FOR UPDATE;
    again_at := clock_timestamp() + make_interval(mins => minutes);
    IF NOT EXISTS (SELECT FROM session_worker.delivery d
                    WHERE d.id = $1 AND d.kind IN ('alarm', 'reminder')
                      AND d.starts_at > again_at) THEN
        RETURN false;
    END IF;
    rows := ARRAY(SELECT session_worker.answered($1));
    PERFORM session_worker.silence(rows, 'snoozed');
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
        role, revision, due_at, send_after)
    SELECT DISTINCT ON (d.tutor_id, d.student_id, d.lead_minutes)
           d.session_id, d.tutor_id, d.student_id, d.starts_at, d.kind, d.lead_minutes,
           d.recipient, d.person_id, d.role, d.revision + 1, again_at, again_at
      FROM session_worker.delivery d
     WHERE d.id = ANY(rows)
     ORDER BY d.tutor_id, d.student_id, d.lead_minutes, d.revision DESC;
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION
    session_worker.answered(bigint), session_worker.silence(bigint[], text),
    session_worker.acknowledge(bigint), session_worker.snooze(bigint, integer) FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(ANSWERS)
