"""Deliver a claimed batch: the task, and what it does step by step in this folder."""

from collections.abc import Sequence
from uuid import UUID

from scheduler.reminders.moves.claims import Batch
from tasks import app
from tasks.database import engine_now, worker_engine, worker_settings
from tasks.delivery import startup
from tasks.delivery.stop import WORKER_STOP

__all__ = ["deliver", "startup"]  # the signals in the latter are heard where it is imported


@app.task(name="tasks.delivery.deliver")
def deliver(holder: str, ids: Sequence[int]) -> None:
    """Send what `holder` still has of these ledger rows, then hand on the next batch.

    A message that comes twice, or after the lease, finds nothing to send.
    """
    from tasks.delivery.dispatch import hand_on
    from tasks.delivery.worker_process import deliver_batch  # Apprise is slow to import

    batch = Batch(UUID(holder), tuple(ids))
    if deliver_batch(batch) and not WORKER_STOP.asked:
        hand_on(app, worker_engine(), worker_settings(), engine_now(worker_engine()))
