"""Beat's scheduler, which survives changes of the clock and failures of the broker.

It is kept in memory, as entries are due again within seconds. A file written by a fast clock would
keep beat waiting even after a restart.
"""

import logging
import time
from datetime import datetime
from typing import Any

from amqp.exceptions import ChannelError
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from kombu import Connection

from tasks.broker import BROKER_ERRORS, part_from, say_unusable, wait_for_broker

# Limit of an entry's messages waiting for a worker. More of them would be redundant, and would
# delay newer messages.
HANDFUL = 5
logger = logging.getLogger(__name__)
NOT_FOUND = "404"  # AMQP's; kombu gives the same for a queue that Redis has not, as it is empty
# A larger jump than a slow tick can cause: the clock was set.
SET_SECONDS = 1.0


class SteadyScheduler(Scheduler):
    """`beat_scheduler` of celeryconfig."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.offset = clock_offset()
        super().__init__(*given, **options)

    def tick(self, *given: Any, **options: Any) -> float:
        """Seconds until the next tick. If the clock was set since the last, all entries restart."""
        offset = clock_offset()
        if abs(offset - self.offset) > SET_SECONDS:
            logger.warning("This machine's clock was set by %+.0f s.", offset - self.offset)
            self.offset = offset
            self.begin_anew(self.app.now())
        return float(super().tick(*given, **options))

    def begin_anew(self, now: datetime) -> None:
        for entry in self.schedule.values():
            entry.last_run_at = now
        self._heap = None

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Post the entry, unless enough are waiting. Errors of the broker are one line a minute."""
        try:
            if self.waiting(entry) < HANDFUL:
                self.apply_async(entry, producer=self.producer, advance=False)
        except (SchedulingError, *BROKER_ERRORS, OSError) as error:
            cause = error.__context__ if isinstance(error, SchedulingError) else error
            if not isinstance(cause, (*BROKER_ERRORS, OSError)):
                raise
            say_unusable(cause)
            self.let_go()

    def waiting(self, entry: ScheduleEntry) -> int:
        """Number of messages in the entry's queue that no worker has taken."""
        queue = self.app.amqp.router.route({}, entry.task or "")["queue"].name
        channel: Any = self.producer.channel
        try:
            found = channel.queue_declare(queue=queue, passive=True)
        except ChannelError as error:
            if str(error.reply_code) != NOT_FOUND:
                raise
            if self.connection.transport.driver_type == "amqp":
                self.let_go()  # RabbitMQ has closed the channel; the first message makes the queue
            return 0
        return int(found.message_count)

    def let_go(self) -> None:
        """Close the connection; the next entry opens another."""
        self.__dict__.pop("producer", None)
        connection = self.__dict__.pop("connection", None)
        if connection is not None:
            part_from(connection)

    def _ensure_connected(self) -> Connection:
        wait_for_broker(self.connection, lambda: None)
        return self.connection


def clock_offset() -> float:
    """Seconds between the wall clock and the monotonic clock."""
    return time.time() - time.monotonic()
