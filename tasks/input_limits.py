"""The days and ids that an admin may name, to a command or to a task."""

from datetime import date

from scheduler.rules.values import FIRST_DAY, LAST_DAY

LARGEST_ID = 2**63 - 1  # a bigint's


def read_day(written: str) -> date:
    """ISO 8601. Raises ValueError with words for the user."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written!r} is no day: write 2026-09-01") from None
    refuse_beyond(day, written)
    return day


def refuse_beyond(day: date, written: str) -> None:
    """Raises ValueError where `day` is none that may be named."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{written!r} lies beyond {FIRST_DAY} to {LAST_DAY}: name a day within")
