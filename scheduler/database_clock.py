"""The database's clock, which decides what is due (design, "Clocks").

With its own clock, a machine that is eight minutes fast would expire alarms of coming lessons, and
a slow one would plan them too late.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.words import duration

Clock = Callable[[], datetime]

# Not now(), which is the start of the transaction: it may have waited for its turn since.
NOW = text("SELECT clock_timestamp()")


def database_now(conn: Connection) -> datetime:
    """The instant on the database server's clock."""
    now: datetime = conn.execute(NOW).scalar_one()
    return now


# More than the time of a slow answer.
APART = timedelta(seconds=2)


def clocks_apart(machine: datetime, database: datetime) -> str | None:
    """One line of how far the machine's clock is from the database's; None within two seconds."""
    apart = machine - database
    if abs(apart) <= APART:
        return None
    side = "ahead of" if apart > timedelta(0) else "behind"
    return f"this machine's clock is {duration(abs(apart))} {side} PostgreSQL's"


def running_clock(conn: Connection) -> Clock:
    """A clock that is set once from the database's and then runs by itself, without a query.

    It adds monotonic time, so that a change of the machine's clock does not move it.
    """
    asked = time.monotonic()
    at = database_now(conn)
    answered = time.monotonic()
    zero = (asked + answered) / 2
    return lambda: at + timedelta(seconds=time.monotonic() - zero)
