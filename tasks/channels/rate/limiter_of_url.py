"""Choice of a channel's limiter by its rate and the servers in the settings."""

from sqlalchemy import Engine

from scheduler.broker_url import is_sentinel
from scheduler.settings import ChannelSettings, Settings
from tasks.channels.rate.ledger_window import LedgerWindow
from tasks.channels.rate.limiter import Limiter, LocalLimiter, Unlimited
from tasks.channels.rate.redis_window import RedisWindow, client_by_sentinel, client_of
from tasks.channels.rate.shared import LedgerLimiter, SharedLimiter

REDIS_SCHEMES = ("redis://", "rediss://")


def limiter_of(channel: ChannelSettings, settings: Settings, database: Engine | None) -> Limiter:
    """The limiter that all workers on a database share; without a database one of this process."""
    if channel.rate is None:
        return Unlimited()
    if database is None:
        return LocalLimiter(channel.rate)
    ledger = LedgerWindow(database, channel.name, channel.rate)
    if is_sentinel(settings.redis_url):
        client = client_by_sentinel(settings)
    elif settings.redis_url.lower().startswith(REDIS_SCHEMES):
        client = client_of(settings.redis_url)
    else:
        return LedgerLimiter(ledger)
    return SharedLimiter(RedisWindow(client, channel.name, channel.rate), ledger)
