"""RRULEs dated by dateutil, within a span."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import cast

from dateutil.rrule import rrule, rrulebase, rrulestr

from scheduler.rules import RecurrenceRule

SHORTEST_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
MONTHS = {"MONTHLY": 1, "YEARLY": 12}
SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 wall dates have no zone


class EndOfSpan(Exception):
    """dateutil has walked past the last period that can hold a day of the span."""


class CountedInterval(int):
    """An INTERVAL that ends the walk after a number of periods.

    dateutil asks whether it is past the end only when a day matches, so it walks a rule that never
    matches (30 February) to the year 9999. It adds the interval once a period; this one counts.
    """

    left: int

    def __radd__(self, other: int) -> int:
        self.left -= 1
        if self.left < 0:
            raise EndOfSpan
        return other + int(self)

    def __mul__(self, other: int) -> int:
        return self.__radd__(0) * other


def recurrence_dates(
    recurrence: RecurrenceRule, anchor: date, begin: date, end: date
) -> list[date]:
    """The rule's dates from `begin` to `end`, inclusive; begin > anchor.

    Begins the walk next to the span, unless the RRULE has a COUNT: then at the anchor.
    """
    parts = dict(part.split("=") for part in recurrence.text.split(";"))
    frequency, interval = parts["FREQ"], int(parts.get("INTERVAL", 1))
    start = anchor if "COUNT" in parts else period_before(anchor, begin, frequency, interval)
    steps = CountedInterval(interval)
    steps.left = (end - start).days // (SHORTEST_DAYS[frequency] * interval) + 2
    rule = parsed(recurrence.text).replace(
        dtstart=datetime.combine(start, time.min), interval=steps
    )
    return walked(rule, begin, end)


def walked(rule: rrulebase, begin: date, end: date) -> list[date]:
    found = []
    try:
        for moment in rule:
            day = moment.date()
            if day > end:
                break
            if day >= begin:
                found.append(day)
    except (EndOfSpan, OverflowError, ValueError):
        pass  # the last two: the end of the calendar
    return found


@lru_cache(maxsize=1024)
def parsed(text: str) -> rrule:
    """The rule as dateutil reads it. Raises ValueError where it cannot."""
    return cast(rrule, rrulestr(text, dtstart=SOME_DAY))  # a set of rules needs several lines


def period_before(anchor: date, begin: date, frequency: str, interval: int) -> date:
    """The anchor moved on by whole periods, to before the one that holds `begin`.

    Where the moved date does not exist (31 February) an earlier period does as well.
    """
    if frequency not in MONTHS:
        step = SHORTEST_DAYS[frequency] * interval
        return anchor + timedelta(days=step * max(0, (begin - anchor).days // step - 1))
    step = MONTHS[frequency] * interval
    passed = (begin.year - anchor.year) * 12 + begin.month - anchor.month
    for periods in range(passed // step - 1, 0, -1):
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + periods * step, 12)
        if anchor.day <= monthrange(year, month + 1)[1]:
            return date(year, month + 1, anchor.day)
    return anchor
