"""The way to PostgreSQL: an engine whose connections are set up as a guest's."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote

import psycopg2
from psycopg2 import errors
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError

from models.catalog import SiteCatalog, read_catalog
from scheduler.database_clock import database_now
from scheduler.settings import InvalidSetting, Settings, load_settings

# A guest waits for the site's locks only briefly, and gives up before the site waits for it.
LOCK_TIMEOUT = timedelta(seconds=3)
# The longest statement is an expansion or a backfill of ten thousand rules: seconds, not minutes.
STATEMENT_TIMEOUT = timedelta(minutes=5)
# A transaction computes for fractions of a second between its statements. One whose process was
# stopped, or whose machine is gone, would keep its locks, and everybody else from planning.
IDLE_TIMEOUT = timedelta(seconds=10)
CONNECT_TIMEOUT = timedelta(seconds=10)


def milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


SESSION_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": milliseconds(LOCK_TIMEOUT),
    "statement_timeout": milliseconds(STATEMENT_TIMEOUT),
    "idle_in_transaction_session_timeout": milliseconds(IDLE_TIMEOUT),
}

EXAMPLE = "write postgresql://user:password@host/name"


class ServerUnreachable(Exception):
    """A server that does not answer or does not let us in. One line, without the password."""

    exit_code = 3


def engine(settings: Settings) -> Engine:
    """An engine for DATABASE_URL; it connects at its first use.

    Its connections speak UTF-8 and UTC, read committed data, and give up on locks, statements and
    idle transactions after the times above. Raises InvalidSetting where the URL cannot be read; the
    connection raises ServerUnreachable.
    """
    url = database_url(settings)
    made = create_engine(
        url, isolation_level="READ COMMITTED", pool_pre_ping=True, connect_args=connect_args(url)
    )
    event.listen(made, "connect", configure_connection)
    event.listen(made, "handle_error", lambda context: unreachable(context, url))
    return made


@cache
def worker_engine() -> Engine:
    """The engine of this process, made at the first task that needs it: after a worker's fork."""
    return engine(load_settings())


def database_url(settings: Settings) -> URL:
    """DATABASE_URL with psycopg2 as its driver, whatever driver the site names there."""
    if not settings.database_url.strip():
        raise InvalidSetting(f"DATABASE_URL is not set: {EXAMPLE}.")
    try:
        url = make_url(settings.database_url.strip())
    except (ArgumentError, ValueError):  # the text stays unsaid: it holds a password
        raise InvalidSetting(f"DATABASE_URL is no URL: {EXAMPLE}.") from None
    if "\0" in unquote(settings.database_url):
        raise InvalidSetting(f"DATABASE_URL is no URL, it has a NUL in it: {EXAMPLE}.")
    if url.get_backend_name() not in ("postgresql", "postgres"):
        words = f"DATABASE_URL is for {url.get_backend_name()}, not for PostgreSQL"
        raise InvalidSetting(f"{words}: {EXAMPLE}.")
    if url.port is not None and not 0 < url.port < 2**16:
        raise InvalidSetting(f"DATABASE_URL: {url.port} is no port: {EXAMPLE}.")
    return url.set(drivername="postgresql+psycopg2")


def connect_args(url: URL) -> dict[str, Any]:
    """What libpq is told beside the URL; what the URL says itself goes first."""
    wished = {
        "application_name": "session_worker",
        "client_encoding": "utf8",
        "connect_timeout": int(CONNECT_TIMEOUT.total_seconds()),
        "keepalives_idle": 30,
    }
    return {name: value for name, value in wished.items() if name not in url.query}


def configure_connection(connection: Any, _record: Any) -> None:
    """Set up a new connection, for as long as it lives: hence the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, value, false) FROM unnest(%s, %s) AS wished (name, value)",
            (list(SESSION_SETTINGS), list(SESSION_SETTINGS.values())),
        )
    connection.commit()


def unreachable(context: ExceptionContext, url: URL) -> None:
    """PostgreSQL's refusal of a connection, or its loss, as ServerUnreachable."""
    if context.is_pre_ping:
        return  # the pool finds an old connection broken, and makes a new one
    error = context.original_exception
    if isinstance(error, errors.IdleInTransactionSessionTimeout):
        context.is_disconnect = True
        raise ServerUnreachable(f"{server_of(url)} ended a transaction that stood still.")
    connecting = context.connection is None
    if connecting and is_unreadable(error, url):
        raise InvalidSetting(f"DATABASE_URL holds what PostgreSQL does not know: {EXAMPLE}.")
    if isinstance(error, psycopg2.OperationalError) and (connecting or context.is_disconnect):
        raise ServerUnreachable(unreachable_line(error, url)) from error


# How libpq refuses an option's value, and a server a parameter; neither gives a code.
UNREADABLE = ("invalid ", "unrecognized configuration parameter ")


def is_unreadable(error: BaseException | None, url: URL) -> bool:
    """Whether the URL's options make no sense, so that no server would be reached by it."""
    if isinstance(error, psycopg2.OperationalError):
        return reason(error, url).startswith(UNREADABLE)
    return isinstance(error, psycopg2.ProgrammingError)


def unreachable_line(error: BaseException, url: URL) -> str:
    return f"{server_of(url)} cannot be reached: {reason(error, url)}. Check DATABASE_URL."


def server_of(url: URL) -> str:
    host = url.host or url.query.get("host") or "the local socket"
    return f"PostgreSQL at {host}, database {url.database or 'not named'},"


def reason(error: BaseException, url: URL) -> str:
    """The first line of libpq's words, without its lead-in, and never with the password."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    words = lines[0].partition("failed: ")[2] or lines[0]
    if url.password:
        words = words.replace(str(url.password), "***")
    return words.removeprefix("FATAL: ").strip().rstrip(".")


def engine_now(engine: Engine) -> datetime:
    """The instant on the database's clock."""
    with engine.connect() as conn:
        return database_now(conn)


@cache
def worker_settings() -> Settings:
    """The settings, read once: reading them takes longer than a tick (5 ms)."""
    return load_settings()


KEPT_SECONDS = 60.0


@dataclass
class Known:
    catalogs: dict[Engine, tuple[float, SiteCatalog]] = field(default_factory=dict)


KNOWN = Known()


def site_catalog(engine: Engine) -> SiteCatalog:
    """Raises SiteMismatch where the database is not the site's."""
    read_at, catalog = KNOWN.catalogs.get(engine, (0.0, None))
    if catalog is None or time.monotonic() - read_at > KEPT_SECONDS:
        with engine.connect() as conn:
            catalog = read_catalog(conn)
        KNOWN.catalogs[engine] = (time.monotonic(), catalog)
    return catalog
