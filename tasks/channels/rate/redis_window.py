"""The window in Redis: the instants of the last messages, newest first, on Redis's clock."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.sentinel import Sentinel

from scheduler.broker_url import sentinel_addresses
from scheduler.settings import ChannelName, Rate, Settings

# A call takes well under a millisecond. A worker must not hang on a dead Redis.
PATIENCE_SECONDS = 1.0

MICROSECOND = timedelta(microseconds=1)
LOST = -1

# Returns 0 (a permit is taken), microseconds to wait, or -1 where the window does not exist: it was
# never filled, or Redis was emptied. It has no expiry, so that there is no other reason.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local oldest = tonumber(redis.call('LINDEX', KEYS[1], ARGV[1] - 1) or '0')
local wait = oldest + ARGV[2] - now
if wait > 0 then return wait end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
return 0
"""

# The arguments are ages in microseconds, newest first. The zero at the end makes the key exist for
# an empty window. A second worker that fills it changes nothing.
FILL = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
for _, age in ipairs(ARGV) do
    redis.call('RPUSH', KEYS[1], string.format('%.0f', now - age))
end
redis.call('RPUSH', KEYS[1], '0')
return 1
"""


PATIENCE = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}


def client_of(url: str) -> Any:
    """A client for a `RedisWindow`; it connects when it is used."""
    return redis.Redis.from_url(url, retry=None, **PATIENCE)


def client_by_sentinel(settings: Settings) -> Any:
    """A client for the server that the sentinels in `REDIS_URL` name at each connection."""
    parts = urlsplit(settings.redis_url.partition(";")[0])
    sentinels: Any = Sentinel(  # type: ignore[no-untyped-call]
        sentinel_addresses(settings.redis_url),
        sentinel_kwargs={**PATIENCE, "password": settings.sentinel_password or None},
        retry=None,
        **PATIENCE,
    )
    return sentinels.master_for(
        settings.sentinel_master,
        username=unquote(parts.username or "") or None,
        password=unquote(parts.password or "") or None,
        db=int(parts.path.strip("/") or 0),
    )


class WindowLost(Exception):
    """Redis has no window for this channel: `fill` it."""


class RedisWindow:
    """Window of one channel. Its methods raise redis.RedisError where Redis does not answer."""

    def __init__(self, client: Any, channel: ChannelName, rate: Rate) -> None:
        self._client = client
        self._key = f"session_worker:rate:{channel}"
        self._rate = rate
        self._take = self._client.register_script(TAKE)
        self._fill = self._client.register_script(FILL)

    def take(self) -> timedelta:
        """Take a permit and return zero, or return the time to wait. Raises WindowLost."""
        span = self._rate.per // MICROSECOND
        answer = int(self._take(keys=[self._key], args=[self._rate.count, span]))
        if answer == LOST:
            raise WindowLost
        return answer * MICROSECOND

    def fill(self, ages: Sequence[timedelta]) -> None:
        """Create the window with messages of these ages, newest first."""
        self._fill(keys=[self._key], args=[age // MICROSECOND for age in ages])

    def forget(self) -> None:
        """Delete the window, as it missed messages that were sent while Redis was down."""
        self._client.delete(self._key)
