"""What becomes of an exception that ends a command: its lines on standard error, its exit code."""

from enum import IntEnum
from typing import IO, Any

import click
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy.exc import DBAPIError

from models.catalog import SiteMismatch
from models.site import ColumnMissing
from scheduler.settings import InvalidSetting


class ExitCode(IntEnum):
    """The design's ("Commands"), and the shell's for Ctrl-C."""

    DONE = 0
    PARTLY = 1  # done in part, or a check failed
    USAGE = 2  # wrong usage or input; an id that is not there
    UNREACHABLE = 3  # a server does not answer
    INTERRUPTED = 130


class Refused(Exception):
    """What a command will not do: one line that says what to do instead."""

    def __init__(self, line: str, exit_code: ExitCode) -> None:
        super().__init__(line)
        self.exit_code = exit_code


class Failure(click.ClickException):
    """The end of a command, for click to show: no usage, no traceback."""

    def __init__(self, lines: tuple[str, ...], exit_code: int) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.lines:
            click.echo(f"Error: {printable(line)}", file=file, err=file is None)


# Those of `models` and `scheduler`, which know nothing of commands; an exception of `tasks` has its
# own `exit_code`.
EXIT_CODES: dict[type[Exception], ExitCode] = {
    InvalidSetting: ExitCode.USAGE,
    SiteMismatch: ExitCode.PARTLY,
    ColumnMissing: ExitCode.PARTLY,
}

SET_UP = "run `celery -A tasks setup`"
AGAIN = "run the command again, nothing is lost"
RIGHTS = "grant it to the user of DATABASE_URL"

# PostgreSQL's error codes that a user can mend, and how. The others are the worker's own mistakes.
CURES = {
    "3F000": SET_UP,  # invalid_schema_name
    "42P01": SET_UP,  # undefined_table
    "42703": SET_UP,  # undefined_column
    "42883": SET_UP,  # undefined_function
    "42501": RIGHTS,  # insufficient_privilege
    "25006": "point DATABASE_URL at the primary",  # read_only_sql_transaction
    "55P03": AGAIN,  # lock_not_available
    "57014": AGAIN,  # query_canceled: the statement's time was up
    "40P01": AGAIN,  # deadlock_detected
    "53100": "make room on the server's disk",  # disk_full
}


def failure_of(error: Exception) -> Failure | None:
    """How a command ends by this error; None for a mistake of the worker, to be seen in full."""
    if isinstance(error, SiteMismatch):
        return Failure(error.problems, EXIT_CODES[SiteMismatch])
    if isinstance(error, DBAPIError):
        return database_failure(error)
    if is_broker_error(error):
        line = f"the broker cannot be reached: {error}. Check REDIS_URL."
        return Failure((line,), ExitCode.UNREACHABLE)
    code = getattr(error, "exit_code", None)
    if code is None:
        code = next((EXIT_CODES[kind] for kind in type(error).mro() if kind in EXIT_CODES), None)
    return None if code is None else Failure((str(error),), code)


def database_failure(error: DBAPIError) -> Failure | None:
    cure = CURES.get(getattr(error.orig, "pgcode", None) or "")
    words = str(error.orig).partition("\n")[0]
    return Failure((f"PostgreSQL says: {words}: {cure}.",), ExitCode.PARTLY) if cure else None


def is_broker_error(error: Exception) -> bool:
    from redis.exceptions import ConnectionError as RedisError  # slow to import
    from redis.exceptions import TimeoutError as RedisTimeout

    return isinstance(error, BrokerError | RedisError | RedisTimeout)


def printable(words: str) -> str:
    """One line without control characters: what a database holds must not steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in words)
