"""A worker or beat that starts: with settings that it cannot use it ends, by day and with a line.

A worker's channels are made before its processes fork: Apprise takes seconds to load, and a first
alarm must not wait for it.
"""

import sys
from typing import Any

from celery.signals import worker_init, worker_process_init

from scheduler.broker_url import EXAMPLE
from scheduler.settings import InvalidSetting, Settings
from tasks.database import database_url, worker_engine
from tasks.delivery.outbox import Outbox, outbox_of


def refuse_unusable(settings: Settings) -> None:
    """Raises InvalidSetting where a worker or beat could not do its work with these settings.

    Beat needs no channel, but who starts it shall hear at once that nothing would be sent; that
    costs it two seconds at its start, and 45 MB.
    """
    from tasks.messages.render import words_of

    if not settings.redis_url:
        raise InvalidSetting(f"REDIS_URL is not set: {EXAMPLE}.")
    if settings.database_url.strip():
        database_url(settings)
    words_of(settings)
    if settings.channels or outbox_of(settings) is Outbox.REDIRECT:
        from tasks.channels.configured import channels_of  # slow to import

        channels_of(settings)


@worker_init.connect
def prepare(**_: Any) -> None:
    """In the worker's main process. Ends it with one line where a setting cannot be used."""
    from tasks.delivery.desk import worker_desk  # slow to import, and needless for beat

    try:
        worker_desk()
    except InvalidSetting as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(2) from None


@worker_process_init.connect
def part_with_connections(**_: Any) -> None:
    """In each process that was forked: a connection cannot be shared."""
    worker_engine().dispose(close=False)
