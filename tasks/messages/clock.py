"""Ethiopian dates and the Ethiopian clock.

The package abyssinica converts dates. Dates change at midnight, as in official papers and on
phones. The clock counts twelve hours from dawn (06:00) and twelve from dusk (18:00), so 14:00 is
8:00 of the day and 20:00 is 2:00 of the evening.
"""

from dataclasses import dataclass
from datetime import date, time
from enum import Enum
from functools import lru_cache

from abyssinica.calendar import Date as Converted  # type: ignore[import-untyped]  # untyped


class Period(Enum):
    """Quarter of the day; each begins when the Ethiopian clock reads 12:00 or 6:00."""

    NIGHT = 0  # 00:00–05:59, on the clock 6:00–11:59
    MORNING = 1  # 06:00–11:59, on the clock 12:00–5:59
    DAY = 2  # 12:00–17:59, on the clock 6:00–11:59
    EVENING = 3  # 18:00–23:59, on the clock 12:00–5:59


@dataclass(frozen=True, slots=True)
class EthiopianDate:
    """`month` is 1 (Meskerem) to 13 (Pagume, of 5 days, 6 before a leap year)."""

    year: int
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class EthiopianTime:
    """`hour` is 1 to 12."""

    hour: int
    minute: int
    period: Period


@lru_cache(maxsize=1024)
def ethiopian_date(day: date) -> EthiopianDate:
    """The Ethiopian date of a Gregorian date; both days begin at midnight."""
    converted = Converted.from_gregorian(day)
    return EthiopianDate(converted.year, converted.month, converted.day)


def ethiopian_time(clock: time) -> EthiopianTime:
    """The Ethiopian time of a wall time on the 24-hour clock."""
    return EthiopianTime((clock.hour + 5) % 12 + 1, clock.minute, Period(clock.hour // 6))
