"""Delivery of a claimed batch: the task, and its steps in the modules of this folder."""

from collections.abc import Sequence
from uuid import UUID

from celery import current_task

from models.installation import installation_matches
from scheduler.database_clock import database_now
from scheduler.reminders.moves.claims import Batch
from scheduler.reminders.progress import note_beat
from tasks import app, telemetry
from tasks.database import engine_now, worker_engine, worker_settings
from tasks.delivery import startup
from tasks.delivery.stop import WORKER_STOP

# The signals in `startup` are heard where it is imported.
__all__ = ["deliver", "pulse", "startup"]


@app.task(name="tasks.delivery.deliver")
def deliver(holder: str, ids: Sequence[int]) -> None:
    """Send those of the ledger rows that `holder` still holds, then hand out the next batch.

    A Celery message that arrives twice, or after the lease, finds nothing to send.
    """
    from tasks.delivery.dispatch import hand_on
    from tasks.delivery.worker_process import deliver_batch  # Apprise is slow to import

    batch = Batch(UUID(holder), tuple(ids))
    posted = current_task.request.__dict__ if current_task else {}
    with telemetry.span("batch", posted, batch=holder, messages=len(batch.ids)):
        delivered = deliver_batch(batch)
    if delivered and not WORKER_STOP.asked:
        hand_on(app, worker_engine(), worker_settings(), engine_now(worker_engine()))


@app.task(name="tasks.delivery.pulse")
def pulse() -> None:
    """Note that a worker takes from the queue of deliveries."""
    from tasks.delivery.dispatch import DELIVERY

    with worker_engine().begin() as conn:
        if installation_matches(conn):
            note_beat(conn, DELIVERY, database_now(conn))
