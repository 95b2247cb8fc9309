"""Engine for PostgreSQL, whose connections are set up not to disturb the site."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from models.catalog import SiteCatalog, read_catalog
from scheduler.database_clock import database_now
from scheduler.prepared import UNPREPARED
from scheduler.settings import Pooler, Settings, load_settings
from tasks.database.answer import WatchedConnection
from tasks.database.loss import ServerUnreachable, raise_unreachable
from tasks.database.pooler import refuse_transaction_mode
from tasks.database.url import connect_args, database_url

__all__ = [
    "ServerUnreachable",
    "database_url",
    "engine",
    "engine_now",
    "site_catalog",
    "worker_engine",
    "worker_settings",
]

# The worker waits for the site's locks only briefly, so that the site does not wait for it.
LOCK_TIMEOUT = timedelta(seconds=3)
# The longest statement is an expansion or a backfill of ten thousand rules: seconds, not minutes.
STATEMENT_TIMEOUT = timedelta(minutes=5)
# A transaction computes for fractions of a second between its statements. One whose process was
# stopped, or whose machine is gone, would keep its locks, and everybody else from planning.
IDLE_TIMEOUT = timedelta(seconds=10)


def milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


SESSION_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": milliseconds(LOCK_TIMEOUT),
    "statement_timeout": milliseconds(STATEMENT_TIMEOUT),
    "idle_in_transaction_session_timeout": milliseconds(IDLE_TIMEOUT),
    # The statements are long and read few rows: compiling one takes seconds, running it
    # milliseconds.
    "jit": "off",
}
# A commit that a crash can undo must not have led to a message (promise 3): a server or database
# with unflushed commits is overruled; one that waits for more than the disk keeps its setting.
FLUSHED = {"synchronous_commit": "on"}
UNFLUSHED = "off"


# Connections beyond the pool's five, while they are needed: each channel's few in a worker process,
# those that renew a lease, and one for the task at hand.
OVERFLOW = 30


def engine(settings: Settings) -> Engine:
    """An engine for DATABASE_URL; it connects at its first use.

    Its connections use UTF-8, UTC and READ COMMITTED, with the limits above for locks, statements
    and idle transactions. Raises InvalidSetting where the URL cannot be read. Connecting raises
    ServerUnreachable, and InvalidSetting where DATABASE_POOLER has to be set.
    """
    url = database_url(settings)
    pooled = settings.database_pooler is Pooler.TRANSACTION
    made = create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        hide_parameters=True,  # an error in the log would show what a message says
        max_overflow=OVERFLOW,
        connect_args={**connect_args(url), "connection_factory": WatchedConnection},
        execution_options=UNPREPARED if pooled else {},
    )
    if pooled:
        event.listen(made, "connect", look_at_server)
        event.listen(made, "begin", configure_transaction)
    else:
        event.listen(made, "connect", configure_connection)
    event.listen(made, "do_connect", LastGoodHost().first)
    event.listen(made, "handle_error", lambda context: raise_unreachable(context, url))
    return made


@cache
def worker_engine() -> Engine:
    """The engine of this process, made at the first task that needs it: after a worker's fork."""
    return engine(worker_settings())


def configure_connection(connection: Any, _record: Any) -> None:
    """Set up a new connection, for as long as it lives: hence the commit."""
    refuse_transaction_mode(connection)
    with connection.cursor() as cursor:
        cursor.execute(statements("SET", needed(cursor)))
    connection.commit()


def look_at_server(connection: Any, record: Any) -> None:
    """Find the settings that each transaction on a pooler's connection needs; sets nothing."""
    connection.pooled = True
    with connection.cursor() as cursor:
        record.info[AT_BEGIN] = statements("SET LOCAL", needed(cursor))
    connection.rollback()


# In a pooled connection's `info`.
AT_BEGIN = "session_worker_at_begin"


def configure_transaction(conn: Connection) -> None:
    """Set up a transaction before its first query. SET takes no snapshot, so the isolation level
    can still be chosen afterwards."""
    conn.exec_driver_sql(conn.info[AT_BEGIN])


def needed(cursor: Any) -> dict[str, str]:
    cursor.execute("SHOW synchronous_commit")
    [[mode]] = cursor.fetchall()
    return SESSION_SETTINGS | (FLUSHED if mode == UNFLUSHED else {})


def statements(verb: str, settings: Mapping[str, str]) -> str:
    return "; ".join(f"{verb} {name} = '{value}'" for name, value in settings.items())


class LastGoodHost:
    """Order of several hosts: the last good one first, as otherwise each connection would wait for
    one that has vanished."""

    def __init__(self) -> None:
        self.pair: tuple[str, str] | None = None

    def first(self, dialect: Any, _record: Any, given: Any, options: dict[str, Any]) -> Any:
        """SQLAlchemy's `do_connect`."""
        hosts = str(options.get("host") or "").split(",")
        if len(hosts) == 1:
            return None
        ports = str(options.get("port") or "").split(",")
        pairs = list(zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=True))
        pairs.sort(key=lambda pair: pair != self.pair)
        options["host"], options["port"] = (",".join(part) for part in zip(*pairs, strict=True))
        connection = dialect.connect(*given, **options)
        self.pair = next(pair for pair in pairs if is_of(connection.info, pair))
        return connection


def is_of(info: Any, pair: tuple[str, str]) -> bool:
    return info.host == pair[0] and (not pair[1] or str(info.port) == pair[1])


def engine_now(engine: Engine) -> datetime:
    """The instant on the database's clock."""
    with engine.connect() as conn:
        return database_now(conn)


@cache
def worker_settings() -> Settings:
    """The settings, read once, as reading them takes 5 ms, longer than a tick."""
    return load_settings()


KEPT_SECONDS = 60.0


@dataclass
class Known:
    catalogs: dict[Engine, tuple[float, SiteCatalog]] = field(default_factory=dict)


KNOWN = Known()


def site_catalog(engine: Engine) -> SiteCatalog:
    """The site's catalogue, cached. Raises SiteMismatch where the database is not the site's."""
    read_at, catalog = KNOWN.catalogs.get(engine, (0.0, None))
    if catalog is None or time.monotonic() - read_at > KEPT_SECONDS:
        with engine.connect() as conn:
            catalog = read_catalog(conn)
        KNOWN.catalogs[engine] = (time.monotonic(), catalog)
    return catalog
