"""Reasons in words why a day is or is not a date of a rule."""

from datetime import date

from scheduler.calendar_names import weekday_names
from scheduler.occurrences.dating import by_cadence, fitting
from scheduler.rules import (
    EveryDays,
    EveryMonthsDay,
    EveryMonthsWeekdays,
    EveryWeeks,
    GivenDates,
    RecurrenceRule,
    Rule,
)
from scheduler.rules.describe import every, which_week
from scheduler.words import ordinal


def why(rule: Rule, day: date, left_out: frozenset[date] = frozenset()) -> str:
    """One reason, such as "every second Monday", "excluded by exdates", "not a day of the rule".

    A bound is named only for a day that fits otherwise. `left_out` is that of `dates`.
    """
    if day <= rule.anchor:
        return "first session" if day == rule.anchor else "before the first session"
    if not by_cadence(rule, day, day):
        return "not a day of the rule"
    if rule.months and day.month not in rule.months:
        return "not in a month of the rule"
    return why_left_out(rule, day, left_out) or why_fitting(rule, day)


def why_left_out(rule: Rule, day: date, left_out: frozenset[date]) -> str | None:
    """The bound that excludes a day which fits otherwise, or None."""
    if rule.until is not None and day > rule.until:
        return f"after until {rule.until}"
    if rule.package_until is not None and day > rule.package_until:
        return f"after its package ends on {rule.package_until}"
    if rule.count is not None and not fitting(rule, day, day, left_out):
        return f"beyond count {rule.count}"
    return "excluded by exdates" if day in rule.exdates else None


def why_fitting(rule: Rule, day: date) -> str:
    weekday = weekday_names("en")[day.weekday()]
    match rule.cadence:
        case EveryDays(interval, weekdays):
            return every(interval, "day") + (f", a {weekday}" if weekdays else "")
        case EveryWeeks(_, interval):
            return every(interval, weekday)
        case EveryMonthsWeekdays(week):
            return f"{which_week(week)} {weekday}"
        case EveryMonthsDay(wanted):
            if day.day != wanted:
                return f"last day of the month, for the {ordinal(wanted)}"
            return f"{ordinal(wanted)} of the month"
        case GivenDates():
            return "given date"
        case RecurrenceRule(text):
            return f"by the rule {text}"
