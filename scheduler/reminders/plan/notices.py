"""Notices: who was told a start that no longer holds is told so, once for each change.

What counts is what a person was told last: moved and moved back before anybody was told is no
change. `change` in the ledger holds what happened and the start that was told.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.history import noted
from scheduler.reminders.read.still_true import LIVE, STANDS, STARTS_AT, STATUS

# Whoever got it, or may have: what was handed over and never answered may have arrived, whatever
# became of the message then. Index: attempt_delivery.
MAY_KNOW = """({0}.kind <> 'agenda' AND ({0}.state = 'sent' OR {0}.attempts > 0
                 AND {0}.state <> 'sending' AND {0}.reason IS DISTINCT FROM 'settled_by_admin'
                 AND EXISTS (SELECT FROM session_worker.attempt a
                              WHERE a.delivery_id = {0}.id
                                AND a.outcome IS DISTINCT FROM 'failed')))"""

# What each person was told last of a session that is still to begin, where that no longer holds,
# and what a notice has to say. A message that is being sent is waited for: it may tell the truth.
# A cancelled session is told whatever its switches say, as the person may be on the way.
# Indexes: delivery_start, delivery_session, the primary key of tutor_sessions. The last message is
# looked up row by row (docs/decisions/0021).
WANTED = f"""
    told AS MATERIALIZED (
        SELECT d.* FROM session_worker.delivery d
         WHERE d.starts_at > :now AND {MAY_KNOW.format("d")}
           AND (SELECT true FROM session_worker.delivery l
                 WHERE l.session_id = d.session_id AND l.recipient = d.recipient
                   AND (l.state = 'sending' OR {MAY_KNOW.format("l")}
                        AND (coalesce(l.sent_at, l.message_at), l.id)
                            > (coalesce(d.sent_at, d.message_at), d.id))
                 LIMIT 1) IS NULL
    ), changed AS (
        SELECT d.session_id, d.tutor_id, d.student_id, d.recipient, d.person_id, d.role,
               d.starts_at AS old_starts_at, {STANDS} AS stands, {STARTS_AT} AS new_starts_at,
               coalesce(d.change->>'kind' = 'cancelled', false) AS told_off,
               s.tutor_id = d.tutor_id AND s.student_id = d.student_id AND {LIVE}
                   AND (s.notification_enabled OR s.alarm_enabled) AS goes_on,
               s.id IS NULL OR s.tutor_id <> d.tutor_id OR s.student_id <> d.student_id
                   OR {STATUS} = 'cancelled' AS is_off
          FROM told d LEFT JOIN tutor_sessions s ON s.id = d.session_id
    ), worded AS (
        SELECT changed.*,
               CASE WHEN stands = NOT told_off THEN NULL
                    WHEN goes_on AND told_off THEN 'restored'
                    WHEN goes_on THEN 'moved'
                    WHEN is_off AND NOT told_off THEN 'cancelled' END AS kind
          FROM changed
    ), wanted AS (
        SELECT session_id, tutor_id, student_id, recipient, person_id, role,
               CASE kind WHEN 'cancelled' THEN old_starts_at ELSE new_starts_at END AS starts_at,
               jsonb_build_object('kind', kind, 'old_starts_at', old_starts_at) AS change
          FROM worded
         WHERE kind = 'cancelled' OR kind IS NOT NULL AND new_starts_at > :now
    )"""

SAME = """w.session_id = d.session_id AND w.recipient = d.recipient
          AND w.starts_at = d.starts_at AND w.change = d.change"""

# Index: delivery_start. NOT IN is answered from a hash, however many changes there are.
WITHDRAW_NOTICES = noted(f"""
    WITH {WANTED}
    UPDATE session_worker.delivery d
       SET state = 'obsolete', reason = 'changed_again', retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE d.starts_at > :now AND d.kind = 'notice'
       AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
       AND (d.session_id, d.recipient, d.starts_at, d.change) NOT IN (
           SELECT session_id, recipient, starts_at, change FROM wanted)
    RETURNING d.id, d.state, d.reason""")


def withdraw_notices(conn: Connection, now: datetime, zone: str) -> frozenset[int]:
    """planned, claimed or failed and waiting → obsolete: not what is to be told any more."""
    return frozenset(conn.scalars(WITHDRAW_NOTICES, {"now": now, "zone": zone}))


# Index: delivery_session.
BRING_BACK_NOTICES = noted(f"""
    WITH {WANTED}
    UPDATE session_worker.delivery d
       SET state = 'planned', reason = NULL, due_at = :now, send_after = :now
      FROM wanted w
     WHERE {SAME} AND d.kind = 'notice' AND d.state = 'obsolete'
       AND d.reason <> 'dropped_by_admin'
       AND NOT EXISTS (
           SELECT FROM session_worker.delivery o
            WHERE o.session_id = d.session_id AND o.recipient = d.recipient AND o.kind = 'notice'
              AND o.starts_at = d.starts_at AND o.change = d.change
              AND o.state <> 'sent' AND (o.state <> 'obsolete' OR o.id > d.id))
    RETURNING d.id, d.state, d.reason""")


def bring_back_notices(conn: Connection, now: datetime, zone: str) -> frozenset[int]:
    """obsolete → planned: the change is there again, and was never told."""
    return frozenset(conn.scalars(BRING_BACK_NOTICES, {"now": now, "zone": zone}))


# Indexes: delivery_session, delivery_once. A notice that failed or reached nobody is not made anew.
PLAN_NOTICES = text(f"""
    WITH {WANTED}
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, revision, recipient,
        person_id, role, change, due_at, send_after)
    SELECT session_id, tutor_id, student_id, starts_at, 'notice', 0,
           (SELECT coalesce(max(o.revision) + 1, 0) FROM session_worker.delivery o
             WHERE o.tutor_id = w.tutor_id AND o.student_id = w.student_id
               AND o.starts_at = w.starts_at AND o.kind = 'notice' AND o.lead_minutes = 0
               AND o.recipient = w.recipient),
           recipient, person_id, role, change, :now, :now
      FROM wanted w
     WHERE NOT EXISTS (
         SELECT FROM session_worker.delivery d
          WHERE {SAME} AND d.kind = 'notice' AND d.state <> 'sent')
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id""")


def plan_notices(conn: Connection, now: datetime, zone: str) -> frozenset[int]:
    """Make the notices that lack."""
    return frozenset(conn.scalars(PLAN_NOTICES, {"now": now, "zone": zone}))
