"""Loss of the server, for any reason, as one line without the password (exit code 3)."""

import psycopg2
from psycopg2 import errors
from sqlalchemy import URL
from sqlalchemy.engine import ExceptionContext

from scheduler.settings import InvalidSetting
from tasks.database.url import EXAMPLE, server_of
from tasks.failures.lines import ExitCode


class ServerUnreachable(Exception):
    """A server that does not answer or refuses the login. One line, without the password."""

    exit_code = ExitCode.UNREACHABLE


# libpq's refusal of an option's value, and a server's of a parameter; neither has a code.
UNREADABLE = ("invalid ", "unrecognized configuration parameter ")
# libpq's words for a server that `target_session_attrs` excludes.
STANDBY = ("session is read-only", "server is in hot standby mode")


def raise_unreachable(context: ExceptionContext, url: URL) -> None:
    """Raise ServerUnreachable for a refused or lost connection.

    A server that has become a standby counts as lost: its connections are dropped, as the next one
    may lead to the new primary.
    """
    if context.is_pre_ping:
        return  # the pool finds an old connection broken, and makes a new one
    error = context.original_exception
    if isinstance(error, errors.IdleInTransactionSessionTimeout):
        context.is_disconnect = True
        raise ServerUnreachable(f"{server_of(url)} ended an idle transaction.")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
        raise ServerUnreachable(standby_line(url))
    connecting = context.connection is None
    if connecting and is_unreadable(error, url):
        raise InvalidSetting(f"DATABASE_URL has an option unknown to PostgreSQL: {EXAMPLE}.")
    if isinstance(error, psycopg2.OperationalError) and (connecting or context.is_disconnect):
        raise ServerUnreachable(unreachable_line(error, url)) from error


def is_unreadable(error: BaseException | None, url: URL) -> bool:
    """True where the URL's options are invalid, so that it would reach no server."""
    if isinstance(error, psycopg2.OperationalError):
        return reason(error, url).startswith(UNREADABLE)
    return isinstance(error, psycopg2.ProgrammingError)


def unreachable_line(error: BaseException, url: URL) -> str:
    words = reason(error, url)
    if words in STANDBY:
        return standby_line(url)
    return f"{server_of(url)} cannot be reached: {words}. Check DATABASE_URL."


def standby_line(url: URL) -> str:
    return (
        f"{server_of(url)} takes no writes: it is a standby, or read-only for this user."
        " Point DATABASE_URL at the primary, or name all hosts in it."
    )


def reason(error: BaseException, url: URL) -> str:
    """The first line of libpq's words, without its lead-in, and never with the password."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    words = lines[0].partition("failed: ")[2] or lines[0]
    if url.password:
        words = words.replace(str(url.password), "***")
    return words.removeprefix("FATAL: ").strip().rstrip(".")
