"""A worker process that delivers: its lanes, the batches it has under way, and how it stops.

A task is over when its batch is, or after a second: what takes longer goes on in threads, under its
lease, and the process is free for a tick or for other channels' messages. The ledger tells what
became of it, not the task (promise 8).
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
from tasks.database import worker_engine
from tasks.delivery.batch import begin, finish
from tasks.delivery.dispatch import DELIVERY, claim_queued
from tasks.delivery.lanes import Lanes
from tasks.delivery.stop import WORKER_STOP
from tasks.delivery.tools import worker_tools
from tasks.failures.known import failure_of
from tasks.failures.log_once import log_once

logger = logging.getLogger(__name__)

# A wait for a channel's rate that is not worth a way through the ledger.
PATIENCE = timedelta(seconds=0.5)
# How long a task waits for its batch.
STAY_SECONDS = 1.0
BEAT_SECONDS = 5.0


@cache
def worker_lanes() -> Lanes:
    """The lanes of this process; its first use is after the fork."""
    return Lanes(worker_tools().settings.channels)


@dataclass
class Beat:
    """When this process last said that batches are served, as a monotonic instant."""

    at: float = float("-inf")


BEAT = Beat()


def deliver_batch(batch: Batch) -> bool:
    """Send what the batch still has. False: not here, as this is not the ledger's database.

    Raises what kept it from being begun, or what ended one of its shares within STAY_SECONDS.
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
    """The next of what waits for this channel's connections: one of this process's is free.

    Called in the thread that has ended its share; what goes wrong is said in the log.
    """
    if WORKER_STOP.asked:
        return
    try:
        tools = worker_tools()
        with tools.engine.begin() as conn:
            clock = running_clock(conn)
            batches = claim_queued(conn, tools.settings, clock(), channel)
        for batch in batches:
            begin(tools, batch, clock, PATIENCE, worker_lanes(), WORKER_STOP, deliver_queued)
    except Exception as error:
        if (failure := failure_of(error)) is None:
            logger.exception("The messages that wait for the channel %s", channel)
        else:
            log_once(*failure.lines)


def finish_all() -> None:
    """After the order to stop: all that this process has under way."""
    finish(list(worker_lanes().under_way), WORKER_STOP)
