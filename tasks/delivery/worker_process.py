"""Delivery in a worker process: its lanes, its batches under way, and its stop.

A task ends with its batch, or after a second. A batch that takes longer continues in threads under
its lease, so that the process is free for a tick or for other channels' messages. The result is in
the ledger, not in the task (promise 8).
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from models.installation import installation_matches
from scheduler.database_clock import running_clock
from scheduler.reminders.moves.claims import Batch
from scheduler.reminders.progress import note_beat
from scheduler.settings import ChannelName
from tasks import telemetry
from tasks.database import worker_engine
from tasks.delivery.batch import begin, finish
from tasks.delivery.dispatch import DELIVERY, claim_queued
from tasks.delivery.lanes import Lanes
from tasks.delivery.stop import WORKER_STOP
from tasks.delivery.tools import worker_tools
from tasks.failures.known import failure_of
from tasks.failures.log_once import log_once

logger = logging.getLogger(__name__)

# A shorter wait for a channel's rate is made in place, without postponing the message.
PATIENCE = timedelta(seconds=0.5)
# Longest wait of a task for its batch.
STAY_SECONDS = 1.0
BEAT_SECONDS = 5.0


@cache
def worker_lanes() -> Lanes:
    """The lanes of this process; first used after the fork."""
    return Lanes(worker_tools().settings.channels)


@dataclass
class Beat:
    """Monotonic instant of this process's last heartbeat."""

    at: float = float("-inf")


BEAT = Beat()


def deliver_batch(batch: Batch) -> bool:
    """Send the batch's rows that are still held. False where this is not the ledger's database.

    Raises the error that prevented its begin, or that ended a share within STAY_SECONDS.
    """
    with worker_engine().begin() as conn:
        if not installation_matches(conn):
            return False
        clock = running_clock(conn)
        if time.monotonic() - BEAT.at > BEAT_SECONDS:
            note_beat(conn, DELIVERY, clock())
            BEAT.at = time.monotonic()
    run = begin(
        worker_tools(), batch, clock, PATIENCE, worker_lanes(), WORKER_STOP, deliver_queued,
    )  # fmt: skip
    run.wait(STAY_SECONDS)
    return True


def deliver_queued(channel: ChannelName) -> None:
    """Deliver the next batch of this channel's queue, as a connection of this process is free.

    Called in the thread that has ended its share; errors are logged.
    """
    if WORKER_STOP.asked:
        return
    try:
        tools = worker_tools()
        with tools.engine.begin() as conn:
            clock = running_clock(conn)
            batches = claim_queued(conn, tools.settings, clock(), channel)
        for batch in batches:
            ids = {"batch": str(batch.holder), "messages": len(batch.ids)}
            with telemetry.span("batch", {}, **ids):  # of no tick: a trace of its own
                begin(tools, batch, clock, PATIENCE, worker_lanes(), WORKER_STOP, deliver_queued)
    except Exception as error:
        if (failure := failure_of(error)) is None:
            logger.exception("The queue of the channel %s could not be delivered", channel)
        else:
            log_once(*failure.lines)


def finish_all() -> None:
    """Finish all batches of this process after a stop request."""
    finish(list(worker_lanes().under_way), WORKER_STOP)
