"""Plan of repeated alarms: an alarm that was not acknowledged, every ALARM_REPEAT until the start.

Each repeat is a ledger row with the next revision of the alarm's key, so it is withdrawn or expires
like the alarm itself.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.reminders.moves.move_log import logged

# Indexes: delivery_start, delivery_once. The last revision decides: where it is still to be sent,
# no further repeat is made; where it was withdrawn or unreachable, the repeats end. A locked row is
# just being acknowledged or snoozed, and is left to the next pass.
REPEAT = text("""
    WITH heard AS MATERIALIZED (
        SELECT d.* FROM session_worker.delivery d
         WHERE d.starts_at > :now AND d.kind = 'alarm' AND d.state = 'sent'
           AND d.acknowledged_at IS NULL AND d.sent_at + :every < d.starts_at
           AND NOT EXISTS (
               SELECT FROM session_worker.delivery l
                WHERE l.tutor_id = d.tutor_id AND l.student_id = d.student_id
                  AND l.starts_at = d.starts_at AND l.kind = d.kind
                  AND l.lead_minutes = d.lead_minutes AND l.recipient = d.recipient
                  AND l.revision > d.revision)
           FOR UPDATE SKIP LOCKED
    )
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
        role, revision, due_at, send_after)
    SELECT session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
           role, revision + 1, sent_at + :every, sent_at + :every
      FROM heard
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id""")


@logged
def repeat_alarms(conn: Connection, now: datetime, every: timedelta) -> frozenset[int]:
    """Plan the next repeat of each alarm that was sent and not acknowledged. Returns the new ids.
    With `every` zero there are no repeats."""
    if not every:
        return frozenset()
    return frozenset(conn.scalars(REPEAT, {"now": now, "every": every}))
