"""Dates of a rule within a span, by whole-day arithmetic (design, "Rules: which dates a row
means")."""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta

from scheduler.occurrences.recurrence import recurrence_dates
from scheduler.rules import (
    EveryDays,
    EveryMonthsDay,
    EveryMonthsWeekdays,
    EveryWeeks,
    GivenDates,
    RecurrenceRule,
    Rule,
)
from scheduler.settings import MonthEnd

DAY = timedelta(days=1)


def dates(
    rule: Rule, first: date, last: date, left_out: frozenset[date] = frozenset()
) -> list[date]:
    """The dates of a rule from `first` to `last`, both inclusive, ascending, without excluded ones.

    Only dates after the anchor are returned. `left_out`: dates that get no row, such as holidays;
    they are returned, but do not use up the rule's `count`. The running time grows with the length
    of the span and, for a rule with a count, with the time since its anchor.
    """
    end = min(last, rule.until or last, rule.package_until or last)
    if first > end or rule.anchor >= end:
        return []
    begin = max(first, rule.anchor + DAY)
    found = fitting(rule, begin, end, left_out)
    if rule.exdates:
        excluded = set(rule.exdates)
        return [day for day in found if day not in excluded]
    return found


def fitting(
    rule: Rule, begin: date, end: date, left_out: frozenset[date] = frozenset()
) -> list[date]:
    """The dates by cadence, months and count, without the other bounds; begin > anchor."""
    if rule.count is None:
        return in_months(rule, begin, end)
    # The anchor is the first of the count.
    found = counted(rule, in_months(rule, rule.anchor + DAY, end), left_out)
    return found[bisect_left(found, begin) :]


def counted(rule: Rule, found: list[date], left_out: frozenset[date]) -> list[date]:
    """The dates after the anchor that the rule's count allows (design, "count").

    A date of `left_out` is made up for at the end; a date that the rule excludes is not.
    """
    remaining = (rule.count or 1) - 1
    free = left_out.difference(rule.exdates)
    if free.isdisjoint(found[:remaining]):
        return found[:remaining]
    kept = []
    for day in found:
        if not remaining:
            break
        kept.append(day)
        remaining -= day not in free
    return kept


def in_months(rule: Rule, begin: date, end: date) -> list[date]:
    found = by_cadence(rule, begin, end)
    return [day for day in found if day.month in rule.months] if rule.months else found


def by_cadence(rule: Rule, begin: date, end: date) -> list[date]:
    """The dates by the rule's cadence alone, ascending, both ends inclusive; begin > anchor."""
    match rule.cadence:
        case EveryWeeks() as cadence:
            return weekly(cadence, rule.anchor.toordinal(), begin.toordinal(), end.toordinal())
        case EveryDays() as cadence:
            return daily(cadence, rule.anchor.toordinal(), begin.toordinal(), end.toordinal())
        case EveryMonthsDay() as cadence:
            return monthly_day(cadence, rule.anchor, begin, end)
        case EveryMonthsWeekdays() as cadence:
            return monthly_weekdays(cadence, rule.anchor, begin, end)
        case GivenDates(given):
            return list(given[bisect_left(given, begin) : bisect_right(given, end)])
        case RecurrenceRule() as recurrence:
            return recurrence_dates(recurrence, rule.anchor, begin, end)


# Days are numbered as by date.toordinal: day 1 is a Monday.


def daily(cadence: EveryDays, anchor: int, begin: int, end: int) -> list[date]:
    nearest = begin + (anchor - begin) % cadence.interval
    days = range(nearest, end + 1, cadence.interval)
    if cadence.weekdays:
        return [date.fromordinal(day) for day in days if (day - 1) % 7 in cadence.weekdays]
    return [date.fromordinal(day) for day in days]


def weekly(cadence: EveryWeeks, anchor: int, begin: int, end: int) -> list[date]:
    step = 7 * cadence.interval
    monday = begin - (begin - 1) % 7
    nearest = monday + (anchor - (anchor - 1) % 7 - monday) % step
    return [
        date.fromordinal(day)
        for monday in range(nearest, end + 1, step)
        for weekday in cadence.weekdays
        if begin <= (day := monday + weekday) <= end
    ]


def monthly_day(cadence: EveryMonthsDay, anchor: date, begin: date, end: date) -> list[date]:
    found = []
    for year, month in months_of(anchor, cadence.interval, begin, end):
        length = monthrange(year, month)[1]
        if cadence.day <= length or cadence.month_end is MonthEnd.CLAMP:
            found.append(date(year, month, min(cadence.day, length)))
    return within(found, begin, end)


def monthly_weekdays(
    cadence: EveryMonthsWeekdays, anchor: date, begin: date, end: date
) -> list[date]:
    found = []
    for year, month in months_of(anchor, cadence.interval, begin, end):
        days = (nth_weekday(year, month, day, cadence.ordinal) for day in cadence.weekdays)
        found += sorted(days)
    return within(found, begin, end)


def nth_weekday(year: int, month: int, weekday: int, ordinal: int) -> date:
    """The `ordinal`-th such weekday of the month; 5 is the last one, the fourth or the fifth."""
    first_weekday, length = monthrange(year, month)
    day = 1 + (weekday - first_weekday) % 7 + 7 * (ordinal - 1)
    return date(year, month, day if day <= length else day - 7)


def months_of(anchor: date, interval: int, begin: date, end: date) -> Iterable[tuple[int, int]]:
    """(year, month) of each `interval`-th month from the anchor's that overlaps the span."""
    start = month_number(begin)
    nearest = start + (month_number(anchor) - start) % interval
    for number in range(nearest, month_number(end) + 1, interval):
        yield number // 12, number % 12 + 1


def month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def within(days: list[date], begin: date, end: date) -> list[date]:
    """Those of the ascending days that lie in the span."""
    return days[bisect_left(days, begin) : bisect_right(days, end)]
