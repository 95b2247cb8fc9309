"""A batch's lease while a worker works through it (promise 3).

A thread renews it on a connection of its own, so a slow provider does not cost the lease. With the
process it dies, or is stopped: then the lease runs out, and the worker that wakes sends nothing.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from scheduler.reminders.moves.claims import CLAIM, renew
from tasks.database import ServerUnreachable

logger = logging.getLogger(__name__)

# A lease is renewed twice before it would run out.
RENEWALS = 3
WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class KeptLease:
    """The lease of `holder`, renewed from `keep` until `leave`, or until it has lapsed."""

    engine: Engine
    holder: UUID
    lease: timedelta
    _done: Event = field(default_factory=Event)

    def keep(self, watch: Callable[[], None]) -> None:
        """`watch` is called each second meanwhile."""
        name = f"lease {self.holder}"
        Thread(target=self._renew, args=(watch,), daemon=True, name=name).start()

    def leave(self) -> None:
        self._done.set()

    def _renew(self, watch: Callable[[], None]) -> None:
        every = min(self.lease, CLAIM).total_seconds() / RENEWALS
        renewed = time.monotonic()
        while not self._done.wait(min(every, WATCH_SECONDS)):
            try:
                watch()
                if time.monotonic() - renewed < every:
                    continue
                with self.engine.begin() as conn:
                    if not renew(conn, self.holder, self.lease):
                        return
                renewed = time.monotonic()
            except (SQLAlchemyError, ServerUnreachable) as error:
                words = "The lease of batch %s could not be renewed: %s"
                logger.warning(words, self.holder, error, extra={"holder": self.holder})
