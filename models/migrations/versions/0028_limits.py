"""Limits on what one person gets, on the SMS of a month, and on one text to one number."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

LIMITS = """
-- What a person got lately.
CREATE INDEX delivery_person ON session_worker.delivery (recipient, message_at)
    WHERE kind <> 'alarm' AND message_at IS NOT NULL;

-- Until when a person has as many messages as they may, or NULL: the instant at which the oldest of
-- the last `most` is `per` old. Alarms, and what lies in the inbox alone, do not count. The lock
-- lasts to the end of the transaction, which marks the message as being sent: two workers do not
-- send one too many. Index: delivery_person.
CREATE FUNCTION session_worker.person_full_until(
    recipient text, key uuid, most integer, per interval, at timestamptz
) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(723654881, hashtext($1));
    RETURN (
        SELECT max(d.message_at) + per FROM session_worker.delivery d
         WHERE d.recipient = $1 AND d.kind <> 'alarm' AND d.message_at > at - per
           AND d.message_key <> $2 AND d.channel IS DISTINCT FROM 'inbox'
           AND d.state IN ('sending', 'sent', 'unknown', 'held')
         GROUP BY d.message_key ORDER BY 1 DESC OFFSET most - 1 LIMIT 1);
END
$$;

-- The SMS of a month, in parts, by the site's calendar. `spent_at`: the budget at which a message
-- did not fit any more; with that, the month is over for SMS.
CREATE TABLE session_worker.sms_month (
    month     date PRIMARY KEY,
    parts     integer NOT NULL,
    spent_at  integer
);

-- What was sent to which number within the last half hour, as a hash of both.
CREATE TABLE session_worker.sms_text (
    digest       bytea NOT NULL,
    message_key  uuid NOT NULL,
    said_at      timestamptz NOT NULL,
    PRIMARY KEY (digest, message_key)
);

-- How many other messages said the same to the same number since an instant. Locked as above.
-- Index: primary key.
CREATE FUNCTION session_worker.said_before(
    digest bytea, key uuid, since timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(723654882, hashtext(encode($1, 'hex')));
    RETURN (SELECT count(*) FROM session_worker.sms_text t
             WHERE t.digest = $1 AND t.message_key <> $2 AND t.said_at > since);
END
$$;
"""


def upgrade() -> None:
    op.execute(LIMITS)
