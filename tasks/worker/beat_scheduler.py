"""Beat's schedule, which goes on whatever its clock and its broker do.

It is kept in memory: an entry due again within seconds needs no file, and one that was written by a
clock that was ahead would keep beat waiting, also after a restart.
"""

import logging
import time
from datetime import datetime
from typing import Any

from amqp.exceptions import ChannelError
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from kombu import Connection

from tasks.broker import BROKER_ERRORS, part_from, say_unusable, wait_for_broker

# So many messages wait for a worker at most; more of the same would tell it nothing new, and would
# lie before the fresh ones when it comes.
HANDFUL = 5
logger = logging.getLogger(__name__)
NOT_FOUND = "404"  # AMQP's; kombu gives the same for a queue that Redis has not, as it is empty
# More than a slow tick explains: the clock was set.
SET_SECONDS = 1.0


class SteadyScheduler(Scheduler):
    """`beat_scheduler` of celeryconfig."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.offset = clock_offset()
        super().__init__(*given, **options)

    def tick(self, *given: Any, **options: Any) -> float:
        """Seconds until the next. A clock that was set since the last begins all entries anew."""
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
        """Post it, unless a handful waits already. A broker that refuses is one line a minute."""
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
        """How many messages lie in the entry's queue, not taken by any worker."""
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
        """Of the connection: the next entry begins another."""
        self.__dict__.pop("producer", None)
        connection = self.__dict__.pop("connection", None)
        if connection is not None:
            part_from(connection)

    def _ensure_connected(self) -> Connection:
        wait_for_broker(self.connection, lambda: None)
        return self.connection


def clock_offset() -> float:
    """Seconds between the wall clock and the one that nobody can set."""
    return time.time() - time.monotonic()
