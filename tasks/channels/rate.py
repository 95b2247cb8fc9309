"""At most so many messages in a span (CHANNEL_X_RATE)."""

import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.settings import Rate


class Limiter(Protocol):
    def permit(self, now: datetime) -> timedelta:
        """Zero, and one place taken; or how long to wait until there is one."""


class Unlimited:
    def permit(self, now: datetime) -> timedelta:
        return timedelta(0)


class LocalLimiter:
    """The limit within one process: in any span of `rate.per` at most `rate.count`."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._taken: deque[datetime] = deque(maxlen=rate.count)
        self._lock = threading.Lock()

    def permit(self, now: datetime) -> timedelta:
        with self._lock:
            full = len(self._taken) == self._rate.count
            wait = self._taken[0] + self._rate.per - now if full else timedelta(0)
            if wait > timedelta(0):
                return wait
            self._taken.append(now)
            return timedelta(0)
