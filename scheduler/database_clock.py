"""The database's clock, which decides what is due (design, "Clocks").

A machine that is eight minutes ahead would expire alarms whose lessons are still to come, and one
that is behind would never plan them.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.words import duration

Clock = Callable[[], datetime]

# Not now(): that is when the transaction began, and a turn may have been waited for since.
NOW = text("SELECT clock_timestamp()")


def database_now(conn: Connection) -> datetime:
    """The instant on the database server's clock."""
    now: datetime = conn.execute(NOW).scalar_one()
    return now


# More than a slow answer explains.
APART = timedelta(seconds=2)


def clocks_apart(machine: datetime, database: datetime) -> str | None:
    """In words how far a machine's clock is from the database's; None within two seconds."""
    apart = machine - database
    if abs(apart) <= APART:
        return None
    side = "ahead of" if apart > timedelta(0) else "behind"
    return f"this machine's clock is {duration(abs(apart))} {side} PostgreSQL's"


def running_clock(conn: Connection) -> Clock:
    """A clock set once by the database's, which then runs by itself: to read it costs nothing.

    It counts monotonic time, so that setting the machine's clock does not move it.
    """
    asked = time.monotonic()
    at = database_now(conn)
    answered = time.monotonic()
    zero = (asked + answered) / 2
    return lambda: at + timedelta(seconds=time.monotonic() - zero)
