"""A worker or beat that starts: with settings that it cannot use it ends, by day and with a line.

A worker's channels are made before its processes fork: Apprise takes seconds to load, and a first
alarm must not wait for it.
"""

import sys
from typing import Any

from celery.signals import worker_init, worker_process_init

from scheduler.broker_url import EXAMPLE
from scheduler.settings import InvalidSetting, Settings
from tasks.channels.template import read_template
from tasks.database import database_url, worker_engine


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
        raise SystemExit(2) from None


@worker_process_init.connect
def part_with_connections(**_: Any) -> None:
    """In each process that was forked: a connection cannot be shared."""
    worker_engine().dispose(close=False)
