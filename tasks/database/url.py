"""DATABASE_URL for libpq: its hosts, and limits for a host that does not answer.

Of several hosts the one that takes writes is used (PostgreSQL manual, "Specifying Multiple Hosts").
"""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from scheduler.settings import InvalidSetting, Settings

EXAMPLE = "write postgresql://user:password@host/name"
# Seconds for each host that does not answer; libpq's minimum is two.
CONNECT_TIMEOUT = timedelta(seconds=5)
# A host that has vanished acknowledges nothing: then the kernel ends the connection. While nothing
# is on its way, a keepalive is sent after so many seconds, and asks for the same.
VANISHED = timedelta(seconds=10)
KEEPALIVE_SECONDS = 5

# postgresql://user:password@HOST:PORT,HOST:PORT/name, as libpq takes it and SQLAlchemy does not.
SEVERAL_HOSTS = re.compile(r"(?P<lead>[^:/?#]+://(?:[^/?#]*@)?)(?P<hosts>[^@/?#]*,[^@/?#]*)")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(?::(?P<port>[0-9]*))?")
DEFAULT_PORT = 5432


def database_url(settings: Settings) -> URL:
    """DATABASE_URL with psycopg2 as its driver, in place of any other driver in it.

    Raises InvalidSetting; the line shows at most its scheme, as the URL has a password.
    """
    text = settings.database_url.strip()
    if not text:
        raise InvalidSetting(f"DATABASE_URL is not set: {EXAMPLE}.")
    if "\0" in unquote(text):
        raise InvalidSetting(f"DATABASE_URL is no URL, it has a NUL in it: {EXAMPLE}.")
    url = read(text)
    if url.get_backend_name() not in ("postgresql", "postgres"):
        words = f"DATABASE_URL is for {url.get_backend_name()}, not for PostgreSQL"
        raise InvalidSetting(f"{words}: {EXAMPLE}.")
    if url.port is not None:
        check_port(url.port)
    return url.set(drivername="postgresql+psycopg2")


def read(text: str) -> URL:
    several = SEVERAL_HOSTS.match(text)
    try:
        if several is None:
            return make_url(text)
        hosts = [HOST.fullmatch(each) for each in several["hosts"].split(",")]
        rest = make_url(several["lead"] + text[several.end() :])
    except (ArgumentError, ValueError):  # the text is not shown, as it has a password
        hosts = [None]
    if None in hosts:
        raise InvalidSetting(f"DATABASE_URL is no URL: {EXAMPLE}.")
    ports = [int(host["port"] or DEFAULT_PORT) for host in hosts if host]
    for port in ports:
        check_port(port)
    names = [host["name"].strip("[]") for host in hosts if host]
    return rest.update_query_dict({"host": ",".join(names), "port": ",".join(map(str, ports))})


def check_port(port: int) -> None:
    if not 0 < port < 2**16:
        raise InvalidSetting(f"DATABASE_URL: {port} is no port: {EXAMPLE}.")


def connect_args(url: URL) -> dict[str, Any]:
    """Connection parameters in addition to the URL; those in the URL take precedence."""
    wished = {
        "application_name": "session_worker",
        "client_encoding": "utf8",
        "target_session_attrs": "read-write",
        "connect_timeout": int(CONNECT_TIMEOUT.total_seconds()),
        "tcp_user_timeout": VANISHED // timedelta(milliseconds=1),
        "keepalives_idle": KEEPALIVE_SECONDS,
        "keepalives_interval": KEEPALIVE_SECONDS,
    }
    return {name: value for name, value in wished.items() if name not in url.query}


def server_of(url: URL) -> str:
    """The beginning of a line about the server, which names no user and no password."""
    host = url.host or url.query.get("host") or "the local socket"
    where = " and ".join(host) if isinstance(host, tuple) else host.replace(",", " and ")
    return f"PostgreSQL at {where}, database {url.database or 'not named'},"
