"""Limiters of a channel's rate: their interface, and the two that need no server."""

import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.settings import Rate

GO = timedelta(0)


class Limiter(Protocol):
    """Limiter of one channel's rate."""

    def permit(self, now: datetime) -> timedelta:
        """Take a permit and return zero, or return the time to wait for one."""


class Unlimited:
    """Limiter of a channel without a rate."""

    def permit(self, now: datetime) -> timedelta:
        return GO


class LocalLimiter:
    """Limiter within one process."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._taken: deque[datetime] = deque(maxlen=rate.count)
        self._lock = threading.Lock()

    def permit(self, now: datetime) -> timedelta:
        with self._lock:
            full = len(self._taken) == self._rate.count
            wait = self._taken[0] + self._rate.per - now if full else GO
            if wait > GO:
                return wait
            self._taken.append(now)
            return GO
