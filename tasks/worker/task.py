"""The class of all tasks: what an admin can mend ends a task in one line of the log."""

from typing import Any

from celery import Task

from tasks.failures.log_once import log_once


class KnownFailure(Exception):
    """Has been said; Celery notes beside it that the task failed, without a traceback."""


class WorkerTask(Task):  # type: ignore[type-arg]  # it takes none when it runs
    """A task of the worker. A mistake of the worker is seen in full, as Celery shows it."""

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
