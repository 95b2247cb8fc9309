"""The days and ids that an admin may name, to a command or to a task.

Within these days every setting's longest span stays in the calendars of Python and PostgreSQL, and
an instant in the 32-bit SEQUENCE of a calendar file.
"""

from datetime import date

FIRST, LAST = date(1970, 1, 1), date(2079, 12, 31)
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
    if not FIRST <= day <= LAST:
        raise ValueError(f"{written!r} lies beyond {FIRST} to {LAST}: name a day within")
