"""Moves of deliveries whose people could be read in two ways (design, "Whose id it is")."""

from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged

# Indexes: delivery_ready, delivery_leased, delivery_stuck. No provider was called for them, so they
# can be deleted; the next pass plans them by the new reading. No pass plans what has begun.
HELD_HERE = """state = 'held' AND batch IN (
           SELECT id FROM session_worker.held_batch
            WHERE cause = 'whose_ids' AND settled_at IS NULL)"""
FORGET_UNSENT = text(f"""
    DELETE FROM session_worker.delivery
     WHERE attempts = 0 AND (state IN ('planned', 'claimed') OR {HELD_HERE})
       AND NOT session_worker.begun(kind, lead_minutes, starts_at, change, :now)""")
# Index: delivery_retry.
DROP_TRIED = noted(f"""
    UPDATE session_worker.delivery
       SET state = 'obsolete', reason = 'whose_ids', retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE state IN ('planned', 'claimed') OR {HELD_HERE}
        OR state IN ('failed', 'unknown') AND retry_at IS NOT NULL
    RETURNING id, state, reason""")


@logged
def forget_unsent(conn: Connection, now: datetime) -> frozenset[int]:
    """planned, claimed, held, failed or unknown → obsolete: they may be for somebody else.

    Those that were never tried, and whose session has not begun at `now`, are deleted, and planned
    anew by the new reading. Returns the ids of the others.
    """
    conn.execute(FORGET_UNSENT, {"now": now})
    return frozenset(conn.scalars(DROP_TRIED))


# A few rows; delivery_stuck.
RELEASE = noted("""
    UPDATE session_worker.delivery d SET state = 'planned', reason = 'ids_told'
      FROM session_worker.held_batch b
     WHERE b.cause = 'whose_ids' AND b.settled_at IS NULL
       AND d.batch = b.id AND d.state = 'held'
    RETURNING d.id, d.state, d.reason""")
SETTLE = text("""
    UPDATE session_worker.held_batch SET settled_at = :now
     WHERE cause = 'whose_ids' AND settled_at IS NULL""")


@logged
def release_doubted(conn: Connection, now: datetime) -> frozenset[int]:
    """held → planned: the ids are no longer in doubt. Messages that are still true are sent."""
    released = frozenset(conn.scalars(RELEASE))
    conn.execute(SETTLE, {"now": now})
    return released
