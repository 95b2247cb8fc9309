"""Plan of notices about changes, one for each person and change."""

from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from models.catalog import SiteCatalog
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.read.due_notices import IN_PLACE, IS_WHOLE, SAME, due_notices
from scheduler.settings import Settings


# Of two sessions of one pair at one start each has a revision of its own.
# Indexes: delivery_session, delivery_once. A notice that failed or was unreachable is not made
# again. Of two sessions of one pair at one start each has a revision of its own.
def _plan_notices(catalog: SiteCatalog, settings: Settings) -> TextClause:
    return text(f"""
    WITH {due_notices(catalog, settings)}
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, revision, recipient,
        person_id, role, change, due_at, send_after)
    SELECT session_id, tutor_id, student_id, starts_at, 'notice', 0,
           (SELECT coalesce(max(o.revision) + 1, 0) FROM session_worker.delivery o
             WHERE o.tutor_id = w.tutor_id AND o.student_id = w.student_id
               AND o.starts_at = w.starts_at AND o.kind = 'notice' AND o.lead_minutes = 0
               AND o.recipient = w.recipient)
           + row_number() OVER (
               PARTITION BY tutor_id, student_id, starts_at, recipient ORDER BY session_id) - 1,
           recipient, person_id, role, change, :now, :now
      FROM wanted w
     WHERE NOT EXISTS (
         SELECT FROM session_worker.delivery d
          WHERE {SAME} AND d.kind = 'notice' AND {IN_PLACE.format("d")})
       AND {IS_WHOLE}
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id""")


@logged
def plan_notices(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> frozenset[int]:
    """Create missing notices, planned for now. Returns their ids."""
    parameters = {"now": now, "zone": settings.site_timezone}
    return frozenset(conn.scalars(_plan_notices(catalog, settings), parameters))
