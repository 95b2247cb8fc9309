"""Moves of deliveries that follow the site's changes (promises 4 and 5).

Each move works on the set of deliveries whose sessions have not begun, and returns the ids that
moved. Rows of past sessions are never read.
"""

from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from models.catalog import SiteCatalog
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.read.last_told import IS_LAST, KNOWS, MAY_KNOW
from scheduler.reminders.read.still_true import LIVE, STANDS, WHY_NOT_TRUE, why_not_true

# Indexes: delivery_ready, delivery_retry. A notice whose old start has passed expires just before
# it would be sent.
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


@logged
def expire(conn: Connection, now: datetime) -> frozenset[int]:
    """planned, or failed and waiting → expired: the session has begun at `now`."""
    return frozenset(conn.scalars(EXPIRE, {"now": now}))


# Index: delivery_retry. It may have arrived, so it does not become `expired`.
STOP_REPEATING = text("""
    UPDATE session_worker.delivery SET retry_at = NULL
     WHERE retry_at IS NOT NULL AND state = 'unknown'
       AND session_worker.begun(kind, lead_minutes, starts_at, change, :now)
    RETURNING id""")


def stop_repeating(conn: Connection, now: datetime) -> frozenset[int]:
    """Cancel the repeat of `unknown` messages whose session has begun; their state stays."""
    return frozenset(conn.scalars(STOP_REPEATING, {"now": now}))


# Index: delivery_retry.
TRY_AGAIN = text("""
    UPDATE session_worker.delivery
       SET state = 'planned', reason = NULL, retry_at = NULL, holder = NULL, lease_until = NULL
     WHERE retry_at <= :now AND state IN ('failed', 'unknown')
    RETURNING id""")


@logged
def try_again(conn: Connection, now: datetime) -> frozenset[int]:
    """failed or unknown, and waited long enough → planned."""
    return frozenset(conn.scalars(TRY_AGAIN, {"now": now}))


# All deliveries of the old session and its calendar entry pass to the new one. Two exceptions: the
# person was told of the new session before; or the old row still exists at another time and the new
# one has another subject, so that the old session has moved and the new one is a different lesson.
# Where several old sessions of one pair fit, each passes to a new one of its own: first those whose
# row is gone, and among them those that still stand for the person. Else two calendar entries would
# stand for one session.
# Indexes: delivery_start (sessions still to begin), delivery_session, the primary key of
# tutor_sessions, and for the few deleted rows (session_date, start_time) or one scan of those days.
FOLLOW = text(f"""
    WITH lost AS MATERIALIZED (
        SELECT d.id, d.session_id, d.recipient, d.tutor_id, d.student_id,
               d.starts_at AT TIME ZONE :zone AS wall, {MAY_KNOW.format("d")} AS is_told,
               s.id IS NULL AS is_gone, d.change->>'kind' = 'cancelled' AS told_off,
               CASE WHEN s.id IS NOT NULL THEN d.told->>'subject' END AS subject
          FROM session_worker.delivery d
          LEFT JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :now AND d.kind <> 'follow_up' AND NOT {STANDS}
           AND CASE WHEN {MAY_KNOW.format("d")} THEN {IS_LAST}
                    ELSE d.reason IS DISTINCT FROM 'told_by_notice' END
    ), fitting AS (
        SELECT d.id, d.session_id AS old_id, d.recipient, d.is_told, s.id AS session_id,
               row_number() OVER (PARTITION BY d.id ORDER BY s.id) AS place,
               row_number() OVER (
                   PARTITION BY d.recipient, d.is_told, s.id
                   ORDER BY d.is_gone DESC, d.told_off IS TRUE, d.id) AS turn
          FROM lost d
          JOIN tutor_sessions s
            ON s.session_date = d.wall::date AND s.start_time = d.wall::time
           AND s.tutor_id = d.tutor_id AND s.student_id = d.student_id
         WHERE {LIVE} AND s.session_date = ANY(ARRAY(SELECT wall::date FROM lost))
           AND (NOT d.is_told
                OR (d.subject IS NULL OR d.subject = s.subject) AND NOT {KNOWS})
    ), anew AS (
        SELECT id, old_id, recipient, is_told, session_id FROM fitting
         WHERE NOT is_told AND place = 1
         UNION ALL
        SELECT DISTINCT ON (recipient, session_id) id, old_id, recipient, is_told, session_id
          FROM fitting WHERE is_told AND place = turn
    )
    UPDATE session_worker.delivery d SET session_id = anew.session_id
      FROM anew
     WHERE d.session_id = anew.old_id AND d.recipient = anew.recipient
       AND (d.id = anew.id OR anew.is_told AND d.told IS NOT NULL)
    RETURNING d.id""")


def follow_reentered(conn: Connection, now: datetime, zone: str) -> frozenset[int]:
    """Point deliveries at the session that was entered again for the same people and start."""
    return frozenset(conn.scalars(FOLLOW, {"now": now, "zone": zone}))


# Kinds that are true as long as the session stands; the notices have moves of their own.
FOLLOWING = "('alarm', 'reminder', 'escalation', 'follow_up')"


# Indexes: delivery_start, the primary key of tutor_sessions.
def _withdraw(catalog: SiteCatalog) -> TextClause:
    return noted(f"""
    WITH fallen AS MATERIALIZED (
        SELECT d.id, {why_not_true(catalog)} AS reason
          FROM session_worker.delivery d
          LEFT JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :now AND d.kind IN {FOLLOWING}
           AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
    )
    UPDATE session_worker.delivery d
       SET state = 'obsolete', reason = fallen.reason, retry_at = NULL,
           holder = NULL, lease_until = NULL
      FROM fallen
     WHERE d.id = fallen.id AND fallen.reason IS NOT NULL
       AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
    RETURNING d.id, d.state, d.reason""")


@logged
def withdraw(conn: Connection, catalog: SiteCatalog, now: datetime, zone: str) -> frozenset[int]:
    """planned, claimed or failed and waiting → obsolete: no longer true. The reason says why."""
    return frozenset(conn.scalars(_withdraw(catalog), {"now": now, "zone": zone}))


# Indexes: delivery_start, the primary key of tutor_sessions; delivery_once for the row with which a
# snooze or a repeat has replaced it.
def _bring_back(catalog: SiteCatalog) -> TextClause:
    return noted(f"""
    WITH again AS MATERIALIZED (
        SELECT d.id FROM session_worker.delivery d
          JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :now AND d.kind IN {FOLLOWING} AND d.state = 'obsolete'
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


@logged
def bring_back(conn: Connection, catalog: SiteCatalog, now: datetime, zone: str) -> frozenset[int]:
    """obsolete → planned: it was never sent, and is true again."""
    parameters = {"now": now, "zone": zone, "untrue": [*WHY_NOT_TRUE]}
    return frozenset(conn.scalars(_bring_back(catalog), parameters))


# Indexes: delivery_ready, delivery_once. Unlike EXISTS, a scalar subquery is always looked up row
# by row, even where PostgreSQL misjudges how many rows are planned (docs/decisions/0021).
DROP_FARTHER = noted("""
    UPDATE session_worker.delivery d SET state = 'obsolete', reason = 'nearer_lead'
     WHERE d.state = 'planned' AND d.due_at <= :now AND d.kind IN ('alarm', 'reminder')
       AND (SELECT true FROM session_worker.delivery n
             WHERE n.tutor_id = d.tutor_id AND n.student_id = d.student_id
               AND n.starts_at = d.starts_at AND n.kind = d.kind AND n.recipient = d.recipient
               AND n.lead_minutes < d.lead_minutes AND n.due_at <= :now AND n.state <> 'obsolete'
             LIMIT 1)
    RETURNING d.id, d.state, d.reason""")


@logged
def drop_farther_leads(conn: Connection, now: datetime) -> frozenset[int]:
    """planned → obsolete: of several overdue leads only the nearest is sent (promise 5)."""
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


@logged
def drop_told_by_notice(conn: Connection, now: datetime) -> frozenset[int]:
    """planned → obsolete: an overdue reminder whose start a notice tells already."""
    return frozenset(conn.scalars(DROP_TOLD, {"now": now}))


# Index: delivery_ready.
DROP_BEFORE_FIRST_TICK = noted("""
    UPDATE session_worker.delivery SET state = 'obsolete', reason = 'before_first_tick'
     WHERE state = 'planned' AND due_at <= :now
    RETURNING id, state, reason""")


@logged
def drop_before_first_tick(conn: Connection, now: datetime) -> frozenset[int]:
    """planned → obsolete: a new installation does not send what was due before its first tick."""
    return frozenset(conn.scalars(DROP_BEFORE_FIRST_TICK, {"now": now}))
