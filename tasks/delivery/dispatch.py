"""Dispatch of due messages to workers, each claimed batch as one Celery message (promise 8)."""

import logging
from datetime import datetime, timedelta

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Connection, Engine, text

from scheduler.reminders.changes import Changes
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, paused_channels
from scheduler.reminders.moves.channel_queue import queues
from scheduler.reminders.moves.claims import SOON_BATCH, Batch, batches_waiting, claim, release
from scheduler.reminders.progress import beat_of
from scheduler.reminders.sweep import recover_lost
from scheduler.settings import Settings
from tasks import telemetry
from tasks.broker import say_unusable

DELIVER = "tasks.delivery.deliver"
# Heartbeat of workers that take batches, at most every five seconds, or a pulse.
DELIVERY = "delivery"
SILENCE = timedelta(seconds=30)
logger = logging.getLogger(__name__)

# Batches in the broker's queue: enough for processes that become free before the next tick.
# Messages in the ledger are handed out soonest start first; those in the queue are not, and their
# claims lapse there.
MOST_WAITING = 8
# Messages claimed from a channel's queue at a time, for a connection that has become free: about
# what it sends before they would be read again.
QUEUED_BATCH = 50


def hand_out(app: Celery, engine: Engine, settings: Settings, now: datetime) -> int:
    """Claim due messages, as far as there is room, and post them. Returns the number of batches.

    Lapsed claims are released first. One batch of each channel's queue is posted as well, for a
    worker with a free connection that does not know of it.
    """
    with engine.begin() as conn:
        recover_lost(conn, settings, now)
        batches = claim_due(conn, settings, now, room(conn, settings, now))
        for channel in queues(conn):
            batches += claim_queued(conn, settings, now, channel)
    return sum(post(app, engine, batch) for batch in batches)


def room(conn: Connection, settings: Settings, now: datetime) -> int:
    """How many batches may go out. While nobody takes any, one alone lies in the broker's queue."""
    waiting = batches_waiting(conn, settings.claim_batch)
    if is_served(conn, now):
        return MOST_WAITING - waiting
    return 0 if waiting else 1


# Index: delivery_ready. Runs only where no batch was taken for a while.
OVERDUE = text("""
    SELECT EXISTS (SELECT FROM session_worker.delivery
                    WHERE state = 'planned' AND send_after < :before)""")


def is_served(conn: Connection, now: datetime) -> bool:
    """False where messages have been due for a while and no worker has taken a batch since."""
    beat_at = beat_of(conn, DELIVERY)
    if beat_at is None or beat_at < now - SILENCE:
        return not conn.scalar(OVERDUE, {"before": now - SILENCE})
    return True


def hand_on(app: Celery, engine: Engine, settings: Settings, now: datetime) -> int:
    """Claim and post the next batch, after a worker has ended one, if there is room in the queue.
    Returns how many it posted."""
    with engine.begin() as conn:
        has_room = batches_waiting(conn, settings.claim_batch) < MOST_WAITING
        batches = claim_due(conn, settings, now, 1) if has_room else []
    return sum(post(app, engine, batch) for batch in batches)


def claim_due(conn: Connection, settings: Settings, now: datetime, batches: int) -> list[Batch]:
    """Claim due batches; none while every channel is paused."""
    if batches < 1 or EVERY_CHANNEL in paused_channels(conn):
        return []
    return claim(
        conn, now, batches, settings.claim_batch, lease_of(settings),
        soon_size=soon_size(settings),
    )  # fmt: skip


def claim_queued(conn: Connection, settings: Settings, now: datetime, channel: str) -> list[Batch]:
    """Claim the next batch of this channel's queue, if there is one."""
    if EVERY_CHANNEL in paused_channels(conn):
        return []
    size = min(settings.claim_batch, QUEUED_BATCH)
    return claim(conn, now, 1, size, lease_of(settings), channel, soon_size(settings))


def soon_size(settings: Settings) -> int:
    """Messages in a batch of near starts: all that one may hold where a channel has a rate.

    Small batches would each ask for the next permit, and a later start could get it.
    """
    paced = any(channel.rate is not None for channel in settings.channels.values())
    return settings.claim_batch if paced else SOON_BATCH


def lease_of(settings: Settings) -> timedelta:
    """LEASE_SECONDS as a timedelta."""
    return timedelta(seconds=settings.lease_seconds)


def post(app: Celery, engine: Engine, batch: Batch) -> bool:
    """Post a claimed batch to the workers. Without a broker it is released; returns False then."""
    try:
        app.send_task(
            DELIVER, (str(batch.holder), batch.ids), retry_policy={"max_retries": 1},
            headers=telemetry.headers(),
        )  # fmt: skip
    except OperationalError as error:
        say_unusable(error)
        with engine.begin() as conn:
            release(conn, batch)
        return False
    return True


def say_what_is_held(changes: Changes) -> None:
    """Log a warning where the flood guard held messages of a pass."""
    if changes.held:
        logger.warning(
            "%d messages are held, as they were too many at once: `celery -A tasks doctor` shows"
            " the cause and the cure.",
            len(changes.held),
        )
