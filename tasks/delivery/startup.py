"""Start of a worker or of beat: with unusable settings it ends at once, with one line.

A worker's channels are made before its processes fork, as Apprise takes seconds to load, and the
first alarm must not wait for it.
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
from tasks import telemetry
from tasks.channels.template import admin_template, read_template
from tasks.database import database_url, worker_engine
from tasks.delivery.stop import WORKER_STOP
from tasks.failures.lines import ExitCode


def refuse_unusable(settings: Settings) -> None:
    """Raise InvalidSetting where a setting is unusable for a worker or for beat.

    Beat checks too, as its workers would all refuse to start. Channels and templates are checked
    only by workers, as loading Apprise would take seconds at each start of beat.
    """
    if not settings.redis_url:
        raise InvalidSetting(f"REDIS_URL is not set: {EXAMPLE}.")
    if settings.database_url.strip():
        database_url(settings)
    for channel in settings.channels.values():
        read_template(channel)
    if settings.admin:
        admin_template(settings.admin)


@worker_init.connect
def prepare(**_: Any) -> None:
    """Check the settings in the worker's main process; unusable ones end it with one line."""
    from tasks.channels.admin_way import admin_way
    from tasks.delivery.tools import worker_tools  # slow to import, and needless for beat
    from tasks.messages.template_set import compile_built_in

    try:
        tools = worker_tools()
        compile_built_in()
        if tools.settings.admin:
            admin_way(tools.settings)
    except InvalidSetting as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(ExitCode.USAGE) from None


@worker_process_init.connect
def part_with_connections(**_: Any) -> None:
    """Drop inherited connections in each forked process, as a connection cannot be shared."""
    worker_engine().dispose(close=False)


@worker_shutting_down.connect
def stop_beginning(**_: Any) -> None:
    """Request a stop in the main process at TERM, so that no process begins another message."""
    WORKER_STOP.ask()


@worker_process_shutdown.connect
@worker_shutdown.connect
def finish_batches(**_: Any) -> None:
    """Finish and record messages that were begun, whenever a process ends: at TERM to the worker,
    at a signal to this process alone, or at its limit of tasks."""
    from tasks.delivery.worker_process import finish_all

    WORKER_STOP.ask_here()
    finish_all()
    telemetry.flush()
