"""A worker or beat that starts: with settings that it cannot use it ends, by day and with a line.

A worker's channels are made before its processes fork: Apprise takes seconds to load, and a first
alarm must not wait for it.
"""

import sys
from typing import Any

from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)

from scheduler.broker_url import EXAMPLE
from scheduler.settings import InvalidSetting, Settings
from tasks.channels.template import read_template
from tasks.database import database_url, worker_engine
from tasks.delivery.stop import WORKER_STOP
from tasks.failures.lines import ExitCode


def refuse_unusable(settings: Settings) -> None:
    """Raises InvalidSetting where a setting makes no sense to a worker or to beat.

    Beat ticks for workers that would all refuse, and who starts it shall hear so. What Apprise and
    the templates alone can tell, a worker asks them: in beat that would cost seconds at each start.
    """
    if not settings.redis_url:
        raise InvalidSetting(f"REDIS_URL is not set: {EXAMPLE}.")
    if settings.database_url.strip():
        database_url(settings)
    for channel in settings.channels.values():
        read_template(channel)


@worker_init.connect
def prepare(**_: Any) -> None:
    """In the worker's main process. Ends it with one line where a setting cannot be used."""
    from tasks.delivery.tools import worker_tools  # slow to import, and needless for beat

    try:
        worker_tools()
    except InvalidSetting as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(ExitCode.USAGE) from None


@worker_process_init.connect
def part_with_connections(**_: Any) -> None:
    """In each process that was forked: a connection cannot be shared."""
    worker_engine().dispose(close=False)


@worker_shutting_down.connect
def stop_beginning(**_: Any) -> None:
    """In the main process, at TERM: from now on no process begins a message."""
    WORKER_STOP.ask()


@worker_process_shutdown.connect
@worker_shutdown.connect
def finish_batches(**_: Any) -> None:
    """What was begun is finished and recorded, whyever the process ends: at TERM to the worker, at
    a signal to this process alone, or as it has had its share of tasks."""
    from tasks.delivery.worker_process import finish_all

    WORKER_STOP.ask_here()
    finish_all()
