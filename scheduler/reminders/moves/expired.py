"""Return of messages that expired too early.

`remind --as-of` with an instant in the future treats coming sessions as begun, and so does a clock
that is ahead.
"""

from datetime import datetime

from sqlalchemy import Connection

from scheduler.message import GRACE
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged

# Index: delivery_start. Only messages without a try: one that was tried may have arrived.
RESTORE_EXPIRED = noted("""
    UPDATE session_worker.delivery d SET state = 'planned', reason = NULL
     WHERE d.starts_at > :begun_after AND d.state = 'expired' AND d.reason = 'begun'
       AND d.kind <> 'agenda'
       AND NOT session_worker.begun(d.kind, d.lead_minutes, d.starts_at, d.change, :now)
    RETURNING d.id, d.state, d.reason""")


@logged
def restore_expired(conn: Connection, now: datetime) -> frozenset[int]:
    """expired → planned: its session has not begun. Returns the ids that moved."""
    return frozenset(conn.scalars(RESTORE_EXPIRED, {"begun_after": now - GRACE, "now": now}))
