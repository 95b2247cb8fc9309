"""Due messages → claimed batches → workers: each batch is one Celery message of ids (promise 8)."""

import logging
from datetime import datetime, timedelta

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Connection, Engine

from scheduler.reminders.changes import Changes
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, paused_channels
from scheduler.reminders.moves.claims import Batch, claim, count_claimed, release
from scheduler.settings import Settings
from tasks.broker import say_unusable

DELIVER = "tasks.delivery.deliver"
logger = logging.getLogger(__name__)

# Batches out at a time: enough for many workers. What waits in the ledger is handed out soonest
# start first; what waits in the broker's queue is not, and its lease runs.
BATCHES_OUT = 20


def hand_out(app: Celery, engine: Engine, settings: Settings, now: datetime) -> int:
    """Claim what is due, as far as there is room, and post it. Returns the number of batches."""
    with engine.begin() as conn:
        room = BATCHES_OUT - count_claimed(conn) // settings.claim_batch
        batches = claim_due(conn, settings, now, room)
    return sum(post(app, engine, batch) for batch in batches)


def hand_on(app: Celery, engine: Engine, settings: Settings, now: datetime) -> int:
    """Claim and post the next batch, for the worker that has just ended one."""
    with engine.begin() as conn:
        batches = claim_due(conn, settings, now, 1)
    return sum(post(app, engine, batch) for batch in batches)


def claim_due(conn: Connection, settings: Settings, now: datetime, batches: int) -> list[Batch]:
    """Nothing while every channel is paused."""
    if batches < 1 or EVERY_CHANNEL in paused_channels(conn):
        return []
    lease = timedelta(seconds=settings.lease_seconds)
    return claim(conn, now, batches, settings.claim_batch, lease)


def post(app: Celery, engine: Engine, batch: Batch) -> bool:
    """Hand a claimed batch to the workers; without a broker it goes back to the ledger."""
    try:
        app.send_task(DELIVER, (str(batch.holder), batch.ids), retry_policy={"max_retries": 1})
    except OperationalError as error:
        say_unusable(error)
        with engine.begin() as conn:
            release(conn, batch)
        return False
    return True


def say_what_is_held(changes: Changes) -> None:
    """A warning where the flood guard held some of what a pass planned."""
    if changes.held:
        logger.warning(
            "%d messages are held, as they were too many at once: `celery -A tasks doctor` names"
            " the cause and the cure.",
            len(changes.held),
        )
