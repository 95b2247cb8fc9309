"""The class of all tasks: a known failure ends a task with one line in the log."""

from typing import Any

from celery import Task

from tasks.failures.log_once import log_once


class KnownFailure(Exception):
    """A known failure that is logged already. Celery adds a line about the task, no traceback."""


class WorkerTask(Task):  # type: ignore[type-arg]  # it takes none when it runs
    """A task of the worker. An error in the worker's code keeps Celery's full traceback."""

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
    """The lines with which a command would end; empty for an error in the worker's code."""
    from tasks.failures.known import failure_of  # slow to import

    failure = failure_of(error)
    return () if failure is None else failure.lines
