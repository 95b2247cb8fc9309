"""Reading of a rule from the columns of tutor_sessions (design, "Rules: which dates a row means").

No content of a row raises an error: an unreadable rule is a value with its reason. Where two rows
of the design's table fit, the upper one is used, and keys that it does not name are not checked.
"""

import json
from calendar import monthrange
from datetime import date, timedelta
from itertools import islice

from scheduler.rules import values
from scheduler.rules.rfc5545 import read_recurrence
from scheduler.rules.rule import (
    Cadence,
    EveryDays,
    EveryMonthsDay,
    EveryMonthsWeekdays,
    EveryWeeks,
    Finding,
    GivenDates,
    Reading,
    Rule,
    RuleColumns,
    RulePolicy,
)
from scheduler.rules.values import Pattern, Refused
from scheduler.rules.vocabulary import Frequency, frequency_of
from scheduler.settings import MonthEnd, PackageUnit

KEYS = {
    "days", "months", "specific_dates", "frequency", "rrule", "interval", "count",
    "until", "end_date", "exdates", "except",
}  # fmt: skip
MOST_UNKNOWN_KEYS = 8
FROM_FREQUENCY = (EveryDays, EveryWeeks, EveryMonthsDay, EveryMonthsWeekdays)


def read_rule(columns: RuleColumns, policy: RulePolicy) -> Reading:
    """The rule of a row, or the reason why it is unreadable, with findings. Raises nothing."""
    if columns.is_recurring is not True:
        return Reading(None, switched_off(columns))
    findings: tuple[Finding, ...] = ()
    try:
        pattern = pattern_of(columns.recurring_pattern)
        findings = unknown_keys(pattern)
        rule = rule_of(columns, pattern, policy)
        return Reading(rule, findings + disagreement(columns, pattern, rule))
    except Refused as refused:
        return Reading(refused.unreadable, findings)


def switched_off(columns: RuleColumns) -> tuple[Finding, ...]:
    """A finding where a row with is_recurring off has a frequency or pattern of a rule."""
    written = columns.session_frequency or ""
    if frequency_of(written) is not Frequency.ONE_TIME:
        return (Finding("rule_switched_off", values.shown(written)),)
    try:
        pattern = pattern_of(columns.recurring_pattern)
    except Refused:
        return ()
    if keys := [key for key in pattern if says_otherwise(pattern, key)]:
        return (Finding("rule_switched_off", ", ".join(sorted(keys))),)
    return ()


def says_otherwise(pattern: Pattern, key: str) -> bool:
    value = values.given(pattern, key)
    if key not in KEYS or value is None:
        return False
    return not (key == "frequency" and is_one_time(value))


def is_one_time(value: object) -> bool:
    return isinstance(value, str) and frequency_of(value) is Frequency.ONE_TIME


def pattern_of(value: object) -> Pattern:
    """The pattern as a JSON object. A string is decoded as JSON, up to two times."""
    decoded = decoded_once(decoded_once(value))
    if decoded is None or decoded == "":
        return {}
    if isinstance(decoded, dict):
        return decoded
    raise Refused("recurring_pattern", f"not JSON of an object: {values.shown(value)}")


def decoded_once(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def unknown_keys(pattern: Pattern) -> tuple[Finding, ...]:
    if pattern.keys() <= KEYS:
        return ()
    # Once each as shown: two long keys may differ only where they are cut.
    unknown = dict.fromkeys(values.shown(key) for key in pattern if key not in KEYS)
    return tuple(Finding("unknown_key", key) for key in islice(unknown, MOST_UNKNOWN_KEYS))


def rule_of(columns: RuleColumns, pattern: Pattern, policy: RulePolicy) -> Rule:
    anchor = columns.session_date
    if not values.FIRST_DAY <= anchor <= values.LAST_DAY:
        raise Refused("session_date", f"out of range: {values.FIRST_DAY} to {values.LAST_DAY}")
    recurrence = None
    if given := values.dates(pattern, "specific_dates"):
        cadence: Cadence = GivenDates(tuple(day for day in given if day > anchor))
    elif recurrence := read_recurrence(pattern):
        cadence = recurrence.rule
    else:
        cadence = cadence_of(columns, pattern, policy)
    counts = isinstance(cadence, FROM_FREQUENCY)
    return Rule(
        anchor,
        cadence,
        months=values.months(pattern, "months") if counts else (),
        count=values.number(pattern, "count") if counts else None,
        until=earliest(
            values.last_date(pattern, "until"),
            values.last_date(pattern, "end_date"),
            recurrence.last_date(columns.start_time, policy.zone) if recurrence else None,
        ),
        package_until=package_until(anchor, columns.package_duration, policy.package_unit),
        exdates=values.dates(pattern, "exdates", "except"),
    )


def earliest(*days: date | None) -> date | None:
    return min((day for day in days if day is not None), default=None)


def cadence_of(columns: RuleColumns, pattern: Pattern, policy: RulePolicy) -> Cadence:
    """The cadence by the frequency and the days. Raises Refused."""
    anchor, weekdays = columns.session_date, values.weekdays(pattern, "days")
    frequency = frequency_in(columns.session_frequency, pattern)
    if frequency is Frequency.BIWEEKLY:
        return EveryWeeks(weekdays or (anchor.weekday(),), 2)
    interval = values.number(pattern, "interval") or 1
    if frequency is Frequency.DAILY:
        return EveryDays(interval, weekdays)
    if frequency is Frequency.WEEKLY:
        return EveryWeeks(weekdays or (anchor.weekday(),), interval)
    if weekdays:
        return EveryMonthsWeekdays((anchor.day - 1) // 7 + 1, weekdays, interval)
    return EveryMonthsDay(anchor.day, interval, month_end_of(anchor, interval, policy))


def month_end_of(anchor: date, interval: int, policy: RulePolicy) -> MonthEnd:
    """MONTH_END; but a rule of whole years from 29 February skips years without that day."""
    if (anchor.month, anchor.day) == (2, 29) and interval % 12 == 0:
        return MonthEnd.SKIP
    return policy.month_end


def frequency_in(column: str | None, pattern: Pattern) -> Frequency:
    """The column's frequency; without one, the pattern's; else weekly if days are given."""
    frequency = known_frequency(column or "")
    if frequency is Frequency.ONE_TIME:
        frequency = known_frequency(values.text(pattern, "frequency"))
    if frequency is not Frequency.ONE_TIME:
        return frequency
    if values.given(pattern, "days") is None:
        raise Refused("no_frequency")
    return Frequency.WEEKLY


def known_frequency(written: str) -> Frequency:
    frequency = frequency_of(written)
    if frequency is None:
        raise Refused("unknown_frequency", written)
    return frequency


def package_until(anchor: date, duration: int | None, unit: PackageUnit) -> date | None:
    """The last date of a package. A package of n days covers n days from the anchor on, so 4 weeks
    of a weekly rule have 4 sessions. None without a package, or if it ends after the calendar."""
    if unit is PackageUnit.NONE or duration is None:
        return None
    if duration < 1:
        raise Refused("package_duration", duration)
    try:
        return end_of_package(anchor, duration, unit) - timedelta(days=1)
    except (OverflowError, ValueError):
        return None  # after the last date that Python has


def end_of_package(anchor: date, duration: int, unit: PackageUnit) -> date:
    if unit is PackageUnit.MONTHS:
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + duration, 12)
        return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))
    return anchor + timedelta(days=duration * (7 if unit is PackageUnit.WEEKS else 1))


def disagreement(columns: RuleColumns, pattern: Pattern, rule: Rule) -> tuple[Finding, ...]:
    """A finding where the pattern's frequency differs from the column's, which was used."""
    column = frequency_of(columns.session_frequency or "")
    if column is Frequency.ONE_TIME or not isinstance(rule.cadence, FROM_FREQUENCY):
        return ()
    written = values.text(pattern, "frequency")
    if not written or column is frequency_of(written):
        return ()
    detail = f"{values.shown(columns.session_frequency)}, {values.shown(written)}"
    return (Finding("frequencies_disagree", detail),)
