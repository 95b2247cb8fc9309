"""Moves of notices that follow the site: withdrawn where a change is undone, or brought back."""

from datetime import datetime

from sqlalchemy import Connection, TextClause

from models.catalog import SiteCatalog
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.read.due_notices import IN_PLACE, IS_WHOLE, SAME, due_notices
from scheduler.settings import Settings


# Index: delivery_start. NOT IN uses a hash, so it is fast for any number of changes.
def _withdraw_notices(catalog: SiteCatalog, settings: Settings) -> TextClause:
    return noted(f"""
    WITH {due_notices(catalog, settings)}
    UPDATE session_worker.delivery d
       SET state = 'obsolete', reason = 'changed_again', retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE d.starts_at > :now AND d.kind = 'notice'
       AND (d.state IN ('planned', 'claimed') OR d.state = 'failed' AND d.retry_at IS NOT NULL)
       AND (d.session_id, d.recipient, d.tutor_id, d.student_id, d.starts_at, d.change) NOT IN (
           SELECT session_id, recipient, tutor_id, student_id, starts_at, change FROM wanted)
    RETURNING d.id, d.state, d.reason""")


@logged
def withdraw_notices(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> frozenset[int]:
    """planned, claimed or failed and waiting → obsolete: the change no longer holds. Returns the
    ids that moved."""
    parameters = {"now": now, "zone": settings.site_timezone}
    return frozenset(conn.scalars(_withdraw_notices(catalog, settings), parameters))


# Index: delivery_session.
def _bring_back_notices(catalog: SiteCatalog, settings: Settings) -> TextClause:
    return noted(f"""
    WITH {due_notices(catalog, settings)}
    UPDATE session_worker.delivery d
       SET state = 'planned', reason = NULL, due_at = :now, send_after = :now
      FROM wanted w
     WHERE {SAME} AND d.kind = 'notice' AND d.state = 'obsolete' AND d.message_at IS NULL
       AND d.reason <> 'dropped_by_admin' AND {IS_WHOLE}
       AND NOT EXISTS (
           SELECT FROM session_worker.delivery o
            WHERE o.session_id = d.session_id AND o.recipient = d.recipient AND o.kind = 'notice'
              AND o.tutor_id = d.tutor_id AND o.student_id = d.student_id
              AND o.starts_at = d.starts_at AND o.change = d.change
              AND {IN_PLACE.format("o")} AND (o.state <> 'obsolete' OR o.id > d.id))
    RETURNING d.id, d.state, d.reason""")


@logged
def bring_back_notices(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> frozenset[int]:
    """obsolete → planned: the change holds again, and its notice was never sent. Returns the ids
    that moved."""
    parameters = {"now": now, "zone": settings.site_timezone}
    return frozenset(conn.scalars(_bring_back_notices(catalog, settings), parameters))
