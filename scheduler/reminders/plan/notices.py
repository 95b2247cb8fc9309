"""Notices: whoever was told what no longer holds is told so, once for each change.

What counts is what a person was told last, all of it: that the session takes place, when, and with
whom. Moved and moved back before anybody was told is no change. `change` in the ledger holds what
happened, the start that was told, of a tutor or student who was replaced the id that was told, and
of a cancellation whether it is one for this person alone.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from models.catalog import SiteCatalog
from scheduler.reminders.moves.history import noted
from scheduler.reminders.read.last_told import IS_LAST, MAY_KNOW, is_off, is_on
from scheduler.reminders.read.still_true import STARTS_AT, STATUS


# What each person was told last of a session that is still to begin, where that no longer holds,
# and what a notice has to say. A message that is being sent is waited for: it may tell the truth.
# A cancelled session is told whatever its switches say, as the person may be on the way.
# Indexes: delivery_start, delivery_session, the primary key of tutor_sessions. The last message is
# looked up row by row (docs/decisions/0021).
def _wanted(catalog: SiteCatalog) -> str:
    return f"""
    told AS MATERIALIZED (
        SELECT d.* FROM session_worker.delivery d
         WHERE d.starts_at > :now AND {MAY_KNOW.format("d")} AND {IS_LAST}
    ), changed AS (
        SELECT d.session_id, d.recipient, d.person_id, d.role,
               d.starts_at AS old_starts_at, d.tutor_id AS old_tutor_id,
               d.student_id AS old_student_id,
               {STARTS_AT} AS new_starts_at, s.tutor_id, s.student_id,
               coalesce(d.change->>'kind' = 'cancelled', false) AS told_off,
               {is_on(catalog)} AND (s.notification_enabled OR s.alarm_enabled) AS goes_on,
               {is_off(catalog)} AS is_off,
               s.id IS NOT NULL AND {STATUS} IS DISTINCT FROM 'cancelled' AS is_there
          FROM told d LEFT JOIN tutor_sessions s ON s.id = d.session_id
    ), worded AS (
        SELECT changed.*,
               CASE WHEN is_off AND NOT told_off THEN 'cancelled'
                    WHEN NOT goes_on THEN NULL
                    WHEN told_off THEN 'restored'
                    WHEN new_starts_at <> old_starts_at THEN 'moved'
                    WHEN tutor_id <> old_tutor_id OR student_id <> old_student_id
                    THEN 'reassigned' END AS kind
          FROM changed
    ), wanted AS (
        SELECT session_id, recipient, person_id, role,
               old_tutor_id AS tutor_id, old_student_id AS student_id, old_starts_at AS starts_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'kind', kind, 'old_starts_at', old_starts_at,
                   'because', CASE WHEN is_there THEN 'reassigned' END)) AS change
          FROM worded WHERE kind = 'cancelled'
         UNION ALL
        SELECT session_id, recipient, person_id, role, tutor_id, student_id, new_starts_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'kind', kind, 'old_starts_at', old_starts_at,
                   'old_tutor_id', nullif(old_tutor_id, tutor_id),
                   'old_student_id', nullif(old_student_id, student_id)))
          FROM worded WHERE kind <> 'cancelled' AND new_starts_at > :now
    )"""


SAME = """w.session_id = d.session_id AND w.recipient = d.recipient
          AND w.tutor_id = d.tutor_id AND w.student_id = d.student_id
          AND w.starts_at = d.starts_at AND w.change = d.change"""

# A notice that stands for the change, so that none is made: it is to be sent, or reached nobody.
# One that its person may know of, yet is not what they were told last, is of the past; so is one
# that was tried and then fell, as its date is older than what was told since.
IN_PLACE = f"""({{0}}.state <> 'sent' AND NOT {MAY_KNOW}
                 AND ({{0}}.state <> 'obsolete' OR {{0}}.message_at IS NULL))"""


# Index: delivery_start. NOT IN is answered from a hash, however many changes there are.
def _withdraw_notices(catalog: SiteCatalog) -> TextClause:
    return noted(f"""
    WITH {_wanted(catalog)}
    UPDATE session_worker.delivery d
       SET state = 'obsolete', reason = 'changed_again', retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE d.starts_at > :now AND d.kind = 'notice'
       AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
       AND (d.session_id, d.recipient, d.tutor_id, d.student_id, d.starts_at, d.change) NOT IN (
           SELECT session_id, recipient, tutor_id, student_id, starts_at, change FROM wanted)
    RETURNING d.id, d.state, d.reason""")


def withdraw_notices(
    conn: Connection, catalog: SiteCatalog, now: datetime, zone: str
) -> frozenset[int]:
    """planned, claimed or failed and waiting → obsolete: not what is to be told any more."""
    return _moved(conn, catalog, _withdraw_notices, now, zone)


# Index: delivery_session.
def _bring_back_notices(catalog: SiteCatalog) -> TextClause:
    return noted(f"""
    WITH {_wanted(catalog)}
    UPDATE session_worker.delivery d
       SET state = 'planned', reason = NULL, due_at = :now, send_after = :now
      FROM wanted w
     WHERE {SAME} AND d.kind = 'notice' AND d.state = 'obsolete' AND d.message_at IS NULL
       AND d.reason <> 'dropped_by_admin'
       AND NOT EXISTS (
           SELECT FROM session_worker.delivery o
            WHERE o.session_id = d.session_id AND o.recipient = d.recipient AND o.kind = 'notice'
              AND o.tutor_id = d.tutor_id AND o.student_id = d.student_id
              AND o.starts_at = d.starts_at AND o.change = d.change
              AND {IN_PLACE.format("o")} AND (o.state <> 'obsolete' OR o.id > d.id))
    RETURNING d.id, d.state, d.reason""")


def bring_back_notices(
    conn: Connection, catalog: SiteCatalog, now: datetime, zone: str
) -> frozenset[int]:
    """obsolete → planned: the change is there again, and was never told."""
    return _moved(conn, catalog, _bring_back_notices, now, zone)


# Indexes: delivery_session, delivery_once. A notice that failed or reached nobody is not made anew.
def _plan_notices(catalog: SiteCatalog) -> TextClause:
    return text(f"""
    WITH {_wanted(catalog)}
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
          WHERE {SAME} AND d.kind = 'notice' AND {IN_PLACE.format("d")})
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id""")


def plan_notices(
    conn: Connection, catalog: SiteCatalog, now: datetime, zone: str
) -> frozenset[int]:
    """Make the notices that lack."""
    return _moved(conn, catalog, _plan_notices, now, zone)


def _moved(
    conn: Connection,
    catalog: SiteCatalog,
    statement: Callable[[SiteCatalog], TextClause],
    now: datetime,
    zone: str,
) -> frozenset[int]:
    return frozenset(conn.scalars(statement(catalog), {"now": now, "zone": zone}))
