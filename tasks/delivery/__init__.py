"""Deliver a claimed batch: the task, and what it does step by step in this folder."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from models.installation import installation_matches
from scheduler.database_clock import running_clock
from scheduler.reminders.moves.claims import Batch
from tasks import app
from tasks.database import worker_engine, worker_settings
from tasks.delivery import startup

__all__ = ["deliver", "startup"]  # the signals in the latter are heard where it is imported

# A wait for a channel's rate that is not worth a way through the ledger.
PATIENCE = timedelta(seconds=0.5)


@app.task(name="tasks.delivery.deliver")
def deliver(holder: str, ids: Sequence[int]) -> None:
    """Send what `holder` still has of these ledger rows, then hand on the next batch.

    A message that comes twice, or after the lease, finds nothing to send.
    """
    from tasks.delivery.batch import work_through
    from tasks.delivery.dispatch import hand_on
    from tasks.delivery.tools import worker_tools  # Apprise is slow to import

    engine, settings = worker_engine(), worker_settings()
    with engine.connect() as conn:
        if not installation_matches(conn):
            return  # the tick holds everything
        clock = running_clock(conn)
    batch = Batch(UUID(holder), tuple(ids))
    work_through(worker_tools(), batch, clock, PATIENCE)
    hand_on(app, engine, settings, clock())
