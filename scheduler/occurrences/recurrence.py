"""Dates of RRULEs within a span, by dateutil (RFC 5545, 3.3.10; docs/decisions/0011).

The iteration begins on the first day of a period (day, week, month, year), as BYSETPOS counts from
there and not from the anchor. Parts that the RFC takes from DTSTART are therefore taken from the
anchor and written into the rule.
"""

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice, takewhile
from typing import cast

from dateutil.rrule import rrule, rrulebase, rrulestr

from scheduler.rules import RecurrenceRule
from scheduler.rules.rfc5545 import WEEKDAYS

SHORTEST_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
MONTHS = {"MONTHLY": 1, "YEARLY": 12}
SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 wall dates have no zone
# Parts that name days within a period. With one of them, DTSTART's own day is not used.
DAYS_WITHIN = ("BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY")


class EndOfSpan(Exception):
    """dateutil has passed the last period that can contain a day of the span."""


class CountedInterval(int):
    """An INTERVAL that ends the iteration after a number of periods, by raising EndOfSpan.

    dateutil checks for the end only when a day matches, so it iterates a rule that never matches
    (30 February) up to the year 9999. It adds the interval once in each period, which is counted.
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

    The iteration begins close to the span, or at the anchor if the RRULE has a COUNT. The anchor's
    own date is counted if it fits the RRULE.
    """
    parts = dict(part.split("=") for part in recurrence.text.split(";"))
    count = parts.pop("COUNT", None)
    parts |= taken_from_anchor(parts, anchor)
    start = first_period(parts, anchor, anchor if count else begin)
    found: Iterator[date] = takewhile(lambda day: day <= end, walk(parts, start, end))
    if count:
        found = islice((day for day in found if day >= anchor), int(count))
    return [day for day in found if day >= begin]


def taken_from_anchor(parts: dict[str, str], anchor: date) -> dict[str, str]:
    """Parts to add to a rule that names no days: the day of its DTSTART, which is the anchor.

    BYWEEKNO without a day means the anchor's weekday in that week.
    """
    named = [name for name in DAYS_WITHIN if name in parts]
    weekday = {"BYDAY": WEEKDAYS[anchor.weekday()]}
    if named:
        return weekday if named == ["BYWEEKNO"] else {}
    match parts["FREQ"]:
        case "WEEKLY":
            return weekday
        case "MONTHLY":
            return {"BYMONTHDAY": str(anchor.day)}
        case "YEARLY":
            return {"BYMONTHDAY": str(anchor.day), "BYMONTH": str(anchor.month)} | parts
    return {}


def first_period(parts: dict[str, str], anchor: date, begin: date) -> date:
    """First day of a period of the rule about two periods before `begin`, not before the anchor's
    own period."""
    frequency, interval = parts["FREQ"], int(parts.get("INTERVAL", 1))
    if frequency in MONTHS:
        step = MONTHS[frequency] * interval
        month = 12 * anchor.year + (anchor.month - 1 if frequency == "MONTHLY" else 0)
        passed = 12 * begin.year + begin.month - 1 - month
        year, month = divmod(month + step * max(0, passed // step - 1), 12)
        return date(year, month + 1, 1)
    first = anchor.toordinal()
    if frequency == "WEEKLY":
        first -= (anchor.weekday() - WEEKDAYS.index(parts.get("WKST", "MO"))) % 7
    step = SHORTEST_DAYS[frequency] * interval
    first += step * max(0, (begin.toordinal() - first) // step - 1)
    return date.fromordinal(max(first, 1))


def walk(parts: dict[str, str], start: date, end: date) -> Iterator[date]:
    """The rule's days from the period that begins on `start` to about `end`, ascending."""
    steps = CountedInterval(parts.get("INTERVAL", 1))
    steps.left = (end - start).days // (SHORTEST_DAYS[parts["FREQ"]] * int(steps)) + 2
    rule = parsed(";".join(f"{name}={text}" for name, text in parts.items()))
    yield from days_of(rule.replace(dtstart=datetime.combine(start, time.min), interval=steps))


def days_of(rule: rrulebase) -> Iterator[date]:
    try:
        for moment in rule:
            yield moment.date()
    except (EndOfSpan, OverflowError, ValueError):
        return  # the last two are raised at the end of the calendar


@lru_cache(maxsize=1024)
def parsed(text: str) -> rrule:
    """The rule as dateutil's object. Raises ValueError where dateutil cannot read it."""
    return cast(rrule, rrulestr(text, dtstart=SOME_DAY))  # a set of rules needs several lines
