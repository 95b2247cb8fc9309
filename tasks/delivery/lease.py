"""Keeping a batch's lease alive while a worker works through it (promise 3).

A thread renews it on a connection of its own, so a slow provider does not cost the lease. With the
process it dies, or is stopped: then the lease runs out, and the worker that wakes sends nothing.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from scheduler.reminders.moves.claims import renew
from tasks.database import ServerUnreachable

logger = logging.getLogger(__name__)

# A lease is renewed twice before it would run out.
RENEWALS = 3


@contextmanager
def kept_lease(engine: Engine, holder: UUID, lease: timedelta) -> Iterator[None]:
    """Renew the lease until the block ends, or the lease is lost."""
    done = Event()
    thread = Thread(target=_keep, args=(engine, holder, lease, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _keep(engine: Engine, holder: UUID, lease: timedelta, done: Event) -> None:
    while not done.wait(lease.total_seconds() / RENEWALS):
        try:
            with engine.begin() as conn:
                if not renew(conn, holder, lease):
                    return
        except (SQLAlchemyError, ServerUnreachable) as error:
            logger.warning("The lease of batch %s could not be renewed: %s", holder, error)
