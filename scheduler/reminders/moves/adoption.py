"""Adoption of this database as the ledger's home, on an admin's command
(`doctor --adopt-database`)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from models.installation import adopt_installation
from scheduler.reminders.moves.admin import release_batch
from scheduler.reminders.moves.held_batches import WRONG_DATABASE
from scheduler.turns import wait_planning_turn


def adopt_database(conn: Connection, now: datetime) -> frozenset[int]:
    """Make this the ledger's database, and release messages that were held because it was not.

    Waits for a round that is under way. Returns the ids of the ledger rows that are planned again.
    """
    wait_planning_turn(conn)
    adopt_installation(conn)
    batches: Sequence[int] = conn.scalars(HELD, {"cause": WRONG_DATABASE}).all()
    released = [release_batch(conn, batch, now) for batch in batches]
    return frozenset[int]().union(*released)


# A few rows.
HELD = text("""
    SELECT id FROM session_worker.held_batch WHERE cause = :cause AND settled_at IS NULL""")
