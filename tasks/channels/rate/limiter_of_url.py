"""Choice of a channel's limiter, by its rate and the servers there are."""

from sqlalchemy import Engine

from scheduler.settings import ChannelSettings
from tasks.channels.rate.ledger_window import LedgerWindow
from tasks.channels.rate.limiter import Limiter, LocalLimiter, Unlimited
from tasks.channels.rate.redis_window import RedisWindow
from tasks.channels.rate.shared import LedgerLimiter, SharedLimiter

REDIS_SCHEMES = ("redis://", "rediss://")


def limiter_of(channel: ChannelSettings, redis_url: str, database: Engine | None) -> Limiter:
    """Shared by all workers on a database; without one, as in a trial, this process's own.

    `redis_url` may be a broker's that is no Redis.
    """
    if channel.rate is None:
        return Unlimited()
    if database is None:
        return LocalLimiter(channel.rate)
    ledger = LedgerWindow(database, channel.name, channel.rate)
    if not redis_url.startswith(REDIS_SCHEMES):
        return LedgerLimiter(ledger)
    return SharedLimiter(RedisWindow(redis_url, channel.name, channel.rate), ledger)
