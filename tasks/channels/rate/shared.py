"""Limiter shared by all workers: in Redis, or in PostgreSQL while Redis is down."""

from datetime import datetime, timedelta

import redis

from tasks.channels.rate.ledger_window import LedgerWindow
from tasks.channels.rate.limiter import GO
from tasks.channels.rate.redis_window import RedisWindow, WindowLost

# Time for which a Redis that did not answer is not asked, so that not every message waits for it.
LEFT_ALONE = timedelta(seconds=5)


class SharedLimiter:
    """Limiter in Redis. An emptied Redis gets its window back from the ledger."""

    def __init__(self, window: RedisWindow, ledger: LedgerWindow) -> None:
        self._window = window
        self._ledger = ledger
        self._away_until: datetime | None = None

    def permit(self, now: datetime) -> timedelta:
        if self._away_until is not None and now < self._away_until:
            return self._ledger.take()
        try:
            return self._in_redis()
        except redis.RedisError:
            self._away_until = now + LEFT_ALONE
            return self._ledger.take()

    def _in_redis(self) -> timedelta:
        if self._away_until is not None:
            self._window.forget()
            self._away_until = None
        try:
            return self._window.take()
        except WindowLost:
            self._refill()
            return self._window.take()

    def _refill(self) -> None:
        """Refill the window from the ledger, plus one, as the newest may not be in it yet."""
        recent = self._ledger.recent()
        self._window.fill([GO, *recent] if recent else [])


class LedgerLimiter:
    """Limiter without Redis, as with RabbitMQ as the broker."""

    def __init__(self, ledger: LedgerWindow) -> None:
        self._ledger = ledger

    def permit(self, now: datetime) -> timedelta:
        return self._ledger.take()
