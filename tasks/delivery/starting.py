"""A worker that starts: what it delivers with is made before its processes fork.

Apprise takes seconds to load. A first alarm must not wait for it, and a channel that cannot be used
is to be known at once, not at night.
"""

import sys
from typing import Any

from celery.signals import worker_init, worker_process_init

from scheduler.settings import InvalidSetting
from tasks.database import worker_engine


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
