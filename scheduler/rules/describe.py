"""A rule in words, for people: "every second week on Monday and Wednesday, until 2026-12-31"."""

from collections.abc import Iterable, Sequence
from datetime import date

from scheduler.calendar_names import month_names, weekday_names
from scheduler.rules.rule import (
    Cadence,
    EveryDays,
    EveryMonthsDay,
    EveryMonthsWeekdays,
    EveryWeeks,
    GivenDates,
    RecurrenceRule,
    Rule,
)
from scheduler.settings import MonthEnd
from scheduler.words import ordinal

ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth"}
LAST_WEEK = 5
MOST_DATES = 4


def describe(rule: Rule) -> str:
    """The rule in words: cadence, months, bounds, excluded dates."""
    return ", ".join((cadence_in_words(rule.cadence), *bounds_in_words(rule)))


def cadence_in_words(cadence: Cadence) -> str:
    match cadence:
        case EveryDays(interval, weekdays):
            only = f" that is a {joined(named(weekdays), 'or')}" if weekdays else ""
            return every(interval, "day") + only
        case EveryWeeks(weekdays, interval):
            return f"{every(interval, 'week')} on {joined(named(weekdays))}"
        case EveryMonthsWeekdays(week, weekdays, interval):
            days = f"{which_week(week)} {joined(named(weekdays))}"
            return f"{every(interval, 'month')} on the {days}"
        case EveryMonthsDay(day, interval, month_end):
            return f"{every(interval, 'month')} on day {day}{short_month(day, month_end)}"
        case GivenDates(dates):
            return f"on {listed(dates)}" if dates else "on no date after the first session"
        case RecurrenceRule(text):
            return f"by the rule {text}"


def bounds_in_words(rule: Rule) -> Iterable[str]:
    if rule.months:
        names = month_names("en")
        yield f"in {joined([names[month - 1] for month in rule.months])}"
    if rule.until is not None:
        yield f"until {rule.until}"
    if rule.package_until is not None:
        yield f"until its package ends on {rule.package_until}"
    if rule.count is not None:
        yield "1 session in all" if rule.count == 1 else f"at most {rule.count} sessions"
    if rule.exdates:
        yield f"except on {listed(rule.exdates)}"


def every(interval: int, unit: str) -> str:
    """'every week', 'every second week', 'every 21st week'"""
    if interval == 1:
        return f"every {unit}"
    return f"every {ORDINALS.get(interval) or ordinal(interval)} {unit}"


def which_week(week: int) -> str:
    """'first' to 'fourth', or 'last' for 5."""
    return "last" if week == LAST_WEEK else ORDINALS[week]


def short_month(day: int, month_end: MonthEnd) -> str:
    """The words for months without the day."""
    if day <= 28:
        return ""
    return " or the last" if month_end is MonthEnd.CLAMP else " where there is one"


def named(weekdays: Iterable[int]) -> list[str]:
    names = weekday_names("en")
    return [names[weekday] for weekday in weekdays]


def joined(words: Sequence[str], word: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {word} {words[-1]}"


def listed(dates: Sequence[date]) -> str:
    if len(dates) <= MOST_DATES:
        return joined([str(day) for day in dates])
    return f"{len(dates)} dates from {dates[0]} to {dates[-1]}"
