"""Messages that expired before their time: a round by hand ran as of a later instant.

`remind --as-of` in the future judges as if sessions had begun that are still to come; so did a
clock that was ahead.
"""

from datetime import datetime

from sqlalchemy import Connection

from scheduler.reminders.moves.history import noted

# Index: delivery_start. What was tried may have been told; all else was never sent.
RESTORE_EXPIRED = noted("""
    UPDATE session_worker.delivery d SET state = 'planned', reason = NULL
     WHERE d.starts_at > :now - interval '1 minute' AND d.state = 'expired' AND d.reason = 'begun'
       AND d.kind <> 'agenda'
       AND NOT session_worker.begun(d.kind, d.lead_minutes, d.starts_at, d.change, :now)
    RETURNING d.id, d.state, d.reason""")


def restore_expired(conn: Connection, now: datetime) -> frozenset[int]:
    """expired → planned: its session has not begun."""
    return frozenset(conn.scalars(RESTORE_EXPIRED, {"now": now}))
