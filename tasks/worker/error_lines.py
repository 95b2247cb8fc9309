"""Troubles that an admin can mend, as a worker and beat tell them: one line, once a minute.

A tick comes every second: what is away for an hour must not fill the log with tracebacks.
"""

import logging
import time
from multiprocessing import Array
from typing import Any
from zlib import crc32

from celery import Task

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
SLOTS = 64
# When each line was last said, by a hash of it. Shared by the processes that a worker forks, and
# without a lock, which one that is killed would keep; at worst a line is said twice.
LAST_SAID = Array("d", SLOTS, lock=False)


class KnownFailure(Exception):
    """Has been said; Celery notes beside it that the task failed, without a traceback."""


class WorkerTask(Task):  # type: ignore[type-arg]  # it takes none when it runs
    """The class of all tasks. A mistake of the worker is seen in full, as Celery shows it."""

    abstract = True
    throws = (KnownFailure,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            if self.request.called_directly:
                raise
            lines = lines_of(error)
            if not lines:
                raise
            log_once(*lines)
            raise KnownFailure(*lines) from None


def lines_of(error: Exception) -> tuple[str, ...]:
    """What a command would end with; nothing for a mistake of the worker."""
    from tasks.failures.known import failure_of  # slow to import

    failure = failure_of(error)
    return () if failure is None else failure.lines


def log_once(*lines: str) -> None:
    """To the log, each line at most once a minute."""
    now = time.time()
    for line in lines:
        slot = crc32(line.encode()) % SLOTS
        if not 0 <= now - LAST_SAID[slot] < AGAIN_SECONDS:
            LAST_SAID[slot] = now
            logger.error("%s", line)
