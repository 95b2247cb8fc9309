"""Moves of deliveries that follow the site's changes (promises 4 and 5).

Each move has one state it starts from and one it ends in, works on the set of what has not begun,
and returns the ids that moved. The ledger's past is never looked at.
"""

from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from models.catalog import SiteCatalog
from scheduler.reminders.moves.history import noted
from scheduler.reminders.read.last_told import IS_LAST, KNOWS, MAY_KNOW
from scheduler.reminders.read.still_true import LIVE, STANDS, WHY_NOT_TRUE, why_not_true

# Indexes: delivery_ready, delivery_retry. A notice whose old start has passed expires as it is
# about to be sent.
EXPIRE = noted("""
    UPDATE session_worker.delivery d
       SET state = 'expired', reason = 'begun', retry_at = NULL
     WHERE d.id = ANY(ARRAY(
           SELECT id FROM session_worker.delivery
            WHERE state = 'planned' AND starts_at <= :now
              AND session_worker.begun(kind, lead_minutes, starts_at, change, :now)
            UNION ALL
           SELECT id FROM session_worker.delivery
            WHERE state = 'failed' AND retry_at IS NOT NULL
              AND session_worker.begun(kind, lead_minutes, starts_at, change, :now)))
       AND (d.state = 'planned' OR d.state = 'failed' AND d.retry_at IS NOT NULL)
    RETURNING d.id, d.state, d.reason""")


def expire(conn: Connection, now: datetime) -> frozenset[int]:
    """planned, or failed and waiting → expired: the session has begun."""
    return frozenset(conn.scalars(EXPIRE, {"now": now}))


# Index: delivery_retry. It may have arrived, so it does not become `expired`.
STOP_REPEATING = text("""
    UPDATE session_worker.delivery SET retry_at = NULL
     WHERE retry_at IS NOT NULL AND state = 'unknown' AND starts_at <= :now
    RETURNING id""")


def stop_repeating(conn: Connection, now: datetime) -> frozenset[int]:
    """unknown stays so for good: the session has begun."""
    return frozenset(conn.scalars(STOP_REPEATING, {"now": now}))


# Index: delivery_retry.
TRY_AGAIN = text("""
    UPDATE session_worker.delivery
       SET state = 'planned', reason = NULL, retry_at = NULL, holder = NULL, lease_until = NULL
     WHERE retry_at <= :now AND state IN ('failed', 'unknown')
    RETURNING id""")


def try_again(conn: Connection, now: datetime) -> frozenset[int]:
    """failed or unknown, and waited long enough → planned."""
    return frozenset(conn.scalars(TRY_AGAIN, {"now": now}))


# What was told follows as a whole, with the calendar entry; not to a session that the person was
# told of before, nor where its row goes on elsewhere and the other is of another subject: then the
# one has moved, and the other is a lesson of its own.
# Indexes: delivery_start (what is still to begin), delivery_session, the primary key of
# tutor_sessions, and for the few whose row has gone (session_date, start_time), or one reading of
# those days.
FOLLOW = text(f"""
    WITH lost AS MATERIALIZED (
        SELECT d.id, d.session_id, d.recipient, d.tutor_id, d.student_id,
               d.starts_at AT TIME ZONE :zone AS wall, {MAY_KNOW.format("d")} AS is_told,
               CASE WHEN s.id IS NOT NULL THEN d.told->>'subject' END AS subject
          FROM session_worker.delivery d
          LEFT JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :now AND NOT {STANDS}
           AND CASE WHEN {MAY_KNOW.format("d")} THEN {IS_LAST}
                    ELSE d.reason IS DISTINCT FROM 'told_by_notice' END
    ), anew AS (
        SELECT DISTINCT ON (d.id) d.id, d.session_id AS old_id, d.recipient, d.is_told,
               s.id AS session_id
          FROM lost d
          JOIN tutor_sessions s
            ON s.session_date = d.wall::date AND s.start_time = d.wall::time
           AND s.tutor_id = d.tutor_id AND s.student_id = d.student_id
         WHERE {LIVE} AND s.session_date = ANY(ARRAY(SELECT wall::date FROM lost))
           AND (NOT d.is_told
                OR (d.subject IS NULL OR d.subject = s.subject) AND NOT {KNOWS})
         ORDER BY d.id, s.id
    )
    UPDATE session_worker.delivery d SET session_id = anew.session_id
      FROM anew
     WHERE d.session_id = anew.old_id AND d.recipient = anew.recipient
       AND (d.id = anew.id OR anew.is_told AND d.told IS NOT NULL)
    RETURNING d.id""")


def follow_reentered(conn: Connection, now: datetime, zone: str) -> frozenset[int]:
    """Point rows at the session that was entered anew for the same people and start."""
    return frozenset(conn.scalars(FOLLOW, {"now": now, "zone": zone}))


# Indexes: delivery_start, the primary key of tutor_sessions.
def _withdraw(catalog: SiteCatalog) -> TextClause:
    return noted(f"""
    WITH fallen AS MATERIALIZED (
        SELECT d.id, {why_not_true(catalog)} AS reason
          FROM session_worker.delivery d
          LEFT JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :now AND d.kind IN ('alarm', 'reminder')
           AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
    )
    UPDATE session_worker.delivery d
       SET state = 'obsolete', reason = fallen.reason, retry_at = NULL,
           holder = NULL, lease_until = NULL
      FROM fallen
     WHERE d.id = fallen.id AND fallen.reason IS NOT NULL
       AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
    RETURNING d.id, d.state, d.reason""")


def withdraw(conn: Connection, catalog: SiteCatalog, now: datetime, zone: str) -> frozenset[int]:
    """planned, claimed or failed and waiting → obsolete: no longer true. The reason says why."""
    return frozenset(conn.scalars(_withdraw(catalog), {"now": now, "zone": zone}))


# Indexes: delivery_start, the primary key of tutor_sessions; delivery_once for what a snooze or a
# repeat has put in its place.
def _bring_back(catalog: SiteCatalog) -> TextClause:
    return noted(f"""
    WITH again AS MATERIALIZED (
        SELECT d.id FROM session_worker.delivery d
          JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :now AND d.kind IN ('alarm', 'reminder') AND d.state = 'obsolete'
           AND d.reason = ANY(:untrue) AND {why_not_true(catalog)} IS NULL
           AND d.acknowledged_at IS NULL
           AND NOT EXISTS (
               SELECT FROM session_worker.delivery l
                WHERE l.tutor_id = d.tutor_id AND l.student_id = d.student_id
                  AND l.starts_at = d.starts_at AND l.kind = d.kind
                  AND l.lead_minutes = d.lead_minutes AND l.recipient = d.recipient
                  AND l.revision > d.revision)
    )
    UPDATE session_worker.delivery d SET state = 'planned', reason = NULL
      FROM again WHERE d.id = again.id AND d.state = 'obsolete'
    RETURNING d.id, d.state, d.reason""")


def bring_back(conn: Connection, catalog: SiteCatalog, now: datetime, zone: str) -> frozenset[int]:
    """obsolete → planned: it was never sent, and is true again."""
    parameters = {"now": now, "zone": zone, "untrue": [*WHY_NOT_TRUE]}
    return frozenset(conn.scalars(_bring_back(catalog), parameters))


# Indexes: delivery_ready, delivery_once. A subquery in place of EXISTS is looked up row by row,
# whatever PostgreSQL thinks how many are planned (docs/decisions/0021).
DROP_FARTHER = noted("""
    UPDATE session_worker.delivery d SET state = 'obsolete', reason = 'nearer_lead'
     WHERE d.state = 'planned' AND d.due_at <= :now AND d.kind IN ('alarm', 'reminder')
       AND (SELECT true FROM session_worker.delivery n
             WHERE n.tutor_id = d.tutor_id AND n.student_id = d.student_id
               AND n.starts_at = d.starts_at AND n.kind = d.kind AND n.recipient = d.recipient
               AND n.lead_minutes < d.lead_minutes AND n.due_at <= :now AND n.state <> 'obsolete'
             LIMIT 1)
    RETURNING d.id, d.state, d.reason""")


def drop_farther_leads(conn: Connection, now: datetime) -> frozenset[int]:
    """planned → obsolete: of several overdue leads only the nearest goes (promise 5)."""
    return frozenset(conn.scalars(DROP_FARTHER, {"now": now}))


# Indexes: delivery_ready, delivery_once.
DROP_TOLD = noted("""
    UPDATE session_worker.delivery d SET state = 'obsolete', reason = 'told_by_notice'
     WHERE d.state = 'planned' AND d.due_at <= :now AND d.kind IN ('alarm', 'reminder')
       AND (SELECT true FROM session_worker.delivery n
             WHERE n.tutor_id = d.tutor_id AND n.student_id = d.student_id
               AND n.starts_at = d.starts_at AND n.kind = 'notice' AND n.recipient = d.recipient
               AND n.session_id = d.session_id AND n.due_at >= d.due_at
               AND n.change->>'kind' <> 'cancelled'
               AND n.state NOT IN ('obsolete', 'expired', 'unreachable')
             LIMIT 1)
    RETURNING d.id, d.state, d.reason""")


def drop_told_by_notice(conn: Connection, now: datetime) -> frozenset[int]:
    """planned → obsolete: a notice of this start stands alone, beside an overdue lead."""
    return frozenset(conn.scalars(DROP_TOLD, {"now": now}))


# Index: delivery_ready.
DROP_BEFORE_FIRST_TICK = noted("""
    UPDATE session_worker.delivery SET state = 'obsolete', reason = 'before_first_tick'
     WHERE state = 'planned' AND due_at <= :now
    RETURNING id, state, reason""")


def drop_before_first_tick(conn: Connection, now: datetime) -> frozenset[int]:
    """planned → obsolete: an install does not send what was due before it."""
    return frozenset(conn.scalars(DROP_BEFORE_FIRST_TICK, {"now": now}))
