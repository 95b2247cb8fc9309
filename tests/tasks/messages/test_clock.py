"""Ethiopian dates and the Ethiopian clock, against written lists and a walk over the days."""

from datetime import date, time, timedelta

import pytest

from tasks.messages.clock import (
    EthiopianDate,
    EthiopianTime,
    Period,
    ethiopian_date,
    ethiopian_time,
)


@pytest.mark.parametrize(
    ("gregorian", "ethiopian"),
    [
        (date(2007, 9, 12), (2000, 1, 1)),  # the millennium, after a leap year of six Pagume days
        (date(2026, 9, 10), (2018, 13, 5)),  # the last day of a common year
        (date(2026, 9, 11), (2019, 1, 1)),
        (date(2026, 11, 25), (2019, 3, 16)),
        (date(2027, 1, 7), (2019, 4, 29)),  # Christmas in a year before a Gregorian leap year
        (date(2027, 9, 11), (2019, 13, 6)),  # the sixth of Pagume: 2019 is a leap year
        (date(2027, 9, 12), (2020, 1, 1)),
        (date(2028, 1, 7), (2020, 4, 28)),
        (date(2028, 2, 29), (2020, 6, 21)),
        (date(2100, 9, 12), (2093, 1, 1)),  # 2100 is no Gregorian leap year
        (date(2101, 9, 12), (2094, 1, 1)),
    ],
)
def test_an_ethiopian_date_is_as_the_calendars_print_it(
    gregorian: date, ethiopian: tuple[int, int, int]
) -> None:
    assert ethiopian_date(gregorian) == EthiopianDate(*ethiopian)


def test_ethiopian_dates_follow_each_other_day_by_day() -> None:
    """A count of our own: months of 30 days, Pagume of 5, of 6 where year % 4 is 3."""
    day, year, month, number = date(2007, 9, 12), 2000, 1, 1
    while day < date(2030, 1, 1):
        assert ethiopian_date(day) == EthiopianDate(year, month, number)
        last = 30 if month < 13 else 6 if year % 4 == 3 else 5
        number += 1
        if number > last:
            month, number = month + 1, 1
        if month > 13:
            year, month = year + 1, 1
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("clock", "hour", "period"),
    [
        (time(0, 0), 6, Period.NIGHT),
        (time(1, 0), 7, Period.NIGHT),
        (time(5, 59), 11, Period.NIGHT),
        (time(6, 0), 12, Period.MORNING),
        (time(6, 59), 12, Period.MORNING),
        (time(7, 0), 1, Period.MORNING),
        (time(11, 59), 5, Period.MORNING),
        (time(12, 0), 6, Period.DAY),
        (time(14, 0), 8, Period.DAY),
        (time(17, 59), 11, Period.DAY),
        (time(18, 0), 12, Period.EVENING),
        (time(20, 0), 2, Period.EVENING),
        (time(23, 59), 5, Period.EVENING),
    ],
)
def test_the_ethiopian_clock_starts_at_dawn_and_again_at_dusk(
    clock: time, hour: int, period: Period
) -> None:
    assert ethiopian_time(clock) == EthiopianTime(hour, clock.minute, period)
