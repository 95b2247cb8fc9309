"""Limits of days and ids in the arguments of commands and tasks."""

from datetime import date

from scheduler.rules.values import FIRST_DAY, LAST_DAY

LARGEST_ID = 2**63 - 1  # a bigint's


def read_day(written: str) -> date:
    """The day of an ISO 8601 date. Raises ValueError with a line for the user."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written!r} is no day: write 2026-09-01") from None
    refuse_beyond(day, written)
    return day


def refuse_beyond(day: date, written: str) -> None:
    """Raise ValueError, with a line for the user, where the day is out of range."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{written!r} is not from {FIRST_DAY} to {LAST_DAY}: give such a day")
