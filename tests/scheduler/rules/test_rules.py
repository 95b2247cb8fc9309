"""scheduler/rules: a row's columns → its rule, or the reason why there is none to be read."""

import json
import math
from datetime import date
from typing import Any

import pytest

from scheduler.occurrences import dates
from scheduler.rules import (
    EveryDays,
    EveryMonthsDay,
    EveryMonthsWeekdays,
    EveryWeeks,
    Finding,
    GivenDates,
    Rule,
    RulePolicy,
    Unreadable,
)
from scheduler.settings import MonthEnd, PackageUnit, load_settings
from tests.scheduler.expansion.oracle import DAY_NAMES, MONTH_NAMES
from tests.scheduler.rules.rule_rows import THURSDAY, a_rule, reading_of, reason_of

# The switch


@pytest.mark.parametrize("switch", [False, None])
def test_a_row_that_is_not_recurring_has_no_rule(switch: object) -> None:
    assert reading_of(None, "one-time", is_recurring=switch).rule is None


@pytest.mark.parametrize(
    ("frequency", "pattern", "detail"),
    [
        ("Weekly", None, "Weekly"),
        ("3 times per week", None, "3 times per week"),
        ("one-time", {"days": ["Monday"], "months": []}, "days"),
        (None, {"specific_dates": ["2027-01-02"]}, "specific_dates"),
        ("one-time", '{"frequency": "weekly"}', "frequency"),
    ],
)
def test_a_rule_that_is_switched_off_is_found(
    frequency: str | None, pattern: object, detail: str
) -> None:
    reading = reading_of(pattern, frequency, is_recurring=False)

    assert reading.rule is None
    assert reading.findings == (Finding("rule_switched_off", detail),)


@pytest.mark.parametrize("frequency", [None, "", "one-time", "One_Time", " ONE TIME "])
@pytest.mark.parametrize(
    "pattern",
    [
        None,
        {},
        "{}",
        {"days": [], "months": None, "specific_dates": []},
        {"frequency": "One-time"},
        {"colour": "blue"},
        "no",
    ],
)
def test_a_row_that_says_nothing_of_a_rule_has_no_finding(
    frequency: str | None, pattern: object
) -> None:
    assert reading_of(pattern, frequency, is_recurring=None).findings == ()


# Frequencies


@pytest.mark.parametrize(
    ("written", "cadence"),
    [
        ("daily", EveryDays()),
        ("DAILY", EveryDays()),
        ("weekly", EveryWeeks((3,))),
        ("Bi-weekly", EveryWeeks((3,), 2)),
        ("bi_weekly", EveryWeeks((3,), 2)),
        ("BI WEEKLY", EveryWeeks((3,), 2)),
        ("bi\u2013weekly", EveryWeeks((3,), 2)),
        ("Fortnightly", EveryWeeks((3,), 2)),
        (" Monthly ", EveryMonthsDay(17)),
    ],
)
def test_a_frequency_is_read_without_case_spaces_and_hyphens(written: str, cadence: object) -> None:
    assert a_rule(None, written).cadence == cadence


@pytest.mark.parametrize("written", ["yearly", "every now and then", "weeklyish", "w" * 10**6])
def test_any_other_frequency_is_unreadable(written: str) -> None:
    assert reason_of(None, written).startswith(f"unknown_frequency: {written[:50]}")


@pytest.mark.parametrize("column", ["one-time", "One-Time", "", " ", None])
def test_a_row_without_a_frequency_takes_that_of_the_pattern(column: str | None) -> None:
    reading = reading_of({"frequency": "Monthly"}, column)

    assert isinstance(reading.rule, Rule)
    assert reading.rule.cadence == EveryMonthsDay(17)
    assert reading.findings == ()


def test_days_without_any_frequency_are_weekly() -> None:
    assert a_rule({"days": ["mon"]}, "one-time").cadence == EveryWeeks((0,))


def test_neither_frequency_nor_days_is_no_frequency() -> None:
    assert reason_of({"months": ["May"], "frequency": "one-time"}, None) == "no_frequency"


def test_an_unknown_frequency_of_the_pattern_counts_only_where_the_column_has_none() -> None:
    odd = {"frequency": "sometimes"}

    assert reason_of(odd, None) == "unknown_frequency: sometimes"
    reading = reading_of(odd, "weekly")
    assert isinstance(reading.rule, Rule)
    assert reading.findings == (Finding("frequencies_disagree", "weekly, sometimes"),)


def test_two_spellings_of_one_frequency_agree() -> None:
    assert reading_of({"frequency": "bi weekly"}, "Fortnightly").findings == ()


# Days and months


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for number, names in DAY_NAMES.items() for name in names]
)
def test_weekdays_have_english_and_amharic_names(name: str, number: int) -> None:
    assert a_rule({"days": [name]}).cadence == EveryWeeks((number,))


@pytest.mark.parametrize("name", ["ሀሙስ", "ሐሙስ", "ኀሙስ", "ሓሙስ", "ኃሙስ", "ሃሙስ"])
def test_letters_that_sound_the_same_are_one(name: str) -> None:
    assert a_rule({"days": [name]}).cadence == EveryWeeks((3,))


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for number, names in MONTH_NAMES.items() for name in names]
)
def test_months_have_numbers_and_english_and_amharic_names(name: object, number: int) -> None:
    assert a_rule({"months": [name]}).months == (number,)


@pytest.mark.parametrize("days", [[1], [0], ["1"], [True], ["Funday"], [None], ["Mond"], [["mon"]]])
def test_what_is_no_name_of_a_weekday_is_unreadable(days: list[Any]) -> None:
    assert reason_of({"days": days}).startswith("days: ")


@pytest.mark.parametrize("month", [0, 13, -1, 1.0, True, "1", "Smarch", "መስከረም", None, {}])
def test_what_is_no_month_is_unreadable(month: object) -> None:
    assert reason_of({"months": [month]}).startswith("months: ")


def test_the_reason_names_the_value_at_fault_among_good_ones() -> None:
    assert reason_of({"days": ["mon", "tue", "Wodensday"]}) == "days: Wodensday"


# The pattern


@pytest.mark.parametrize("nothing", [None, "", [], "null", "{}", {}])
def test_a_pattern_may_be_null_or_empty(nothing: object) -> None:
    if nothing == []:
        assert reason_of(nothing) == "recurring_pattern: not JSON of an object: a list"
    else:
        assert a_rule(nothing) == a_rule(None)


@pytest.mark.parametrize(
    "key", ["days", "months", "count", "until", "exdates", "rrule", "interval"]
)
@pytest.mark.parametrize("nothing", [None, "", []])
def test_a_key_of_the_pattern_may_be_null_or_empty(key: str, nothing: object) -> None:
    assert a_rule({key: nothing}) == a_rule(None)


def test_json_in_a_string_is_decoded_and_decoded_again() -> None:
    pattern = {"days": ["ሰኞ"], "count": 3}
    once, twice = json.dumps(pattern), json.dumps(json.dumps(pattern))

    assert a_rule(pattern) == a_rule(once) == a_rule(twice)


@pytest.mark.parametrize(
    "value", ["no", "[1]", "7", "true", 7, 1.5, True, [1], '{"days": ', "[" * 10**5, "9" * 10**5]
)
def test_a_pattern_that_is_no_object_is_unreadable(value: object) -> None:
    assert reason_of(value).startswith("recurring_pattern: not JSON of an object: ")


def test_unknown_keys_are_found_and_change_nothing() -> None:
    reading = reading_of({"days": ["mon"], "colour": "blue", "Days": ["tue"]})

    assert reading.rule == a_rule({"days": ["mon"]})
    assert reading.findings == (Finding("unknown_key", "colour"), Finding("unknown_key", "Days"))


def test_thousands_of_unknown_keys_are_a_few_findings() -> None:
    assert len(reading_of({f"key{n}": n for n in range(5_000)}).findings) == 8


def test_keys_that_look_the_same_are_one_finding() -> None:
    keys = {"x" * 100 + "a": 1, "x" * 100 + "b": 2}

    assert reading_of(keys).findings == (Finding("unknown_key", "x" * 79 + "…"),)


def test_an_unreadable_row_keeps_its_other_findings() -> None:
    reading = reading_of({"days": [1], "colour": "blue"})

    assert reading.rule == Unreadable("days", "1")
    assert reading.findings == (Finding("unknown_key", "colour"),)


@pytest.mark.parametrize("key", ["interval", "count"])
@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, math.nan, math.inf, True, "2", [2], {"n": 2}])
def test_a_number_that_is_no_whole_number_from_one_is_unreadable(key: str, value: object) -> None:
    assert reason_of({key: value}).startswith(f"{key}: ")


@pytest.mark.parametrize("key", ["days", "months", "exdates", "except", "specific_dates"])
@pytest.mark.parametrize("value", ["Monday", 1, True, {"0": "Monday"}])
def test_what_must_be_a_list_is_unreadable_as_anything_else(key: str, value: object) -> None:
    assert reason_of({key: value}).startswith(f"{key}: ")


def test_bi_weekly_does_not_look_at_the_interval() -> None:
    assert a_rule({"interval": "ten"}, "bi-weekly") == a_rule(None, "bi-weekly")


# Dates


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-31",
        " 2026-12-31 ",
        "20261231",
        "2026-12-31T00:00:00Z",
        "2026-12-31T00:00:00.000Z",
        "2026-12-31 00:00:00+03:00",
        "2026-12-31T23:59:59",
    ],
)
def test_a_date_may_be_a_timestamp_that_leaves_no_doubt(written: str) -> None:
    assert a_rule({"until": written}).until == date(2026, 12, 31)


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-30T21:00:00Z",
        "2026-12-31T23:59:59+03:00",
        "31/12/2026",
        "2026-02-30",
        "2026-13-01",
        "10000-01-01",
        "tomorrow",
        "2026-12-31" * 10**5,
        20261231,
        True,
        None,
    ],
)
def test_a_date_in_doubt_is_unreadable(written: object) -> None:
    assert reason_of({"exdates": [written]}).startswith("exdates: ")


def test_of_two_last_dates_the_earlier_ends_the_rule() -> None:
    assert a_rule({"until": "2027-03-01", "end_date": "2027-02-01"}).until == date(2027, 2, 1)


def test_both_names_of_excluded_dates_are_read() -> None:
    rule = a_rule({"exdates": ["2027-03-01"], "except": ["2027-02-01"]})

    assert rule.exdates == (date(2027, 2, 1), date(2027, 3, 1))


def test_given_dates_are_sorted_once_each_and_after_the_anchor() -> None:
    given_dates = ["2027-02-01", "2026-12-17", "2026-12-16", "2027-01-01", "2027-02-01"]

    rule = a_rule({"specific_dates": given_dates})

    assert rule.cadence == GivenDates((date(2027, 1, 1), date(2027, 2, 1)))


def test_beside_given_dates_other_keys_are_not_looked_at() -> None:
    ignored = {"frequency": 5, "rrule": "FREQ=HOURLY", "months": [13], "count": "x", "interval": 0}

    reading = reading_of({"specific_dates": ["2027-01-01"], **ignored}, "3 times per week")

    assert reading.rule == a_rule({"specific_dates": ["2027-01-01"]})
    assert reading.findings == ()


# The settings


def test_the_policy_is_that_of_the_settings() -> None:
    settings = load_settings(month_end="skip", package_duration_unit="weeks")

    assert RulePolicy.of(settings) == RulePolicy(MonthEnd.SKIP, PackageUnit.WEEKS, settings.zone)


@pytest.mark.parametrize(
    ("unit", "anchor", "duration", "last"),
    [
        (PackageUnit.NONE, THURSDAY, 4, None),
        (PackageUnit.DAYS, THURSDAY, 30, date(2027, 1, 15)),
        (PackageUnit.DAYS, THURSDAY, 1, THURSDAY),
        (PackageUnit.WEEKS, THURSDAY, 4, date(2027, 1, 13)),
        (PackageUnit.MONTHS, THURSDAY, 1, date(2027, 1, 16)),
        (PackageUnit.MONTHS, date(2027, 1, 31), 1, date(2027, 2, 27)),
        (PackageUnit.MONTHS, THURSDAY, 10**9, None),
        (PackageUnit.DAYS, THURSDAY, 10**9, None),
        (PackageUnit.WEEKS, THURSDAY, None, None),
    ],
)
def test_a_package_ends_the_rule_where_its_unit_is_set(
    unit: PackageUnit, anchor: date, duration: int | None, last: date | None
) -> None:
    policy = RulePolicy(package_unit=unit)

    rule = a_rule(policy=policy, session_date=anchor, package_duration=duration)

    assert rule.package_until == last


def test_four_weeks_of_a_weekly_lesson_are_four_lessons() -> None:
    rule = a_rule(policy=RulePolicy(package_unit=PackageUnit.WEEKS), package_duration=4)

    assert len([rule.anchor, *dates(rule, THURSDAY, date(2027, 12, 31))]) == 4


@pytest.mark.parametrize("duration", [0, -30])
def test_a_package_of_no_length_is_unreadable_where_a_unit_is_set(duration: int) -> None:
    reading = reading_of(
        policy=RulePolicy(package_unit=PackageUnit.DAYS), package_duration=duration
    )

    assert reading.rule == Unreadable("package_duration", str(duration))
    assert isinstance(reading_of(package_duration=duration).rule, Rule)


# The value


def test_equal_rows_make_equal_rules_that_can_be_keys() -> None:
    one, other = (a_rule({"days": days}) for days in (["mon", "tue"], ["Tuesday", "ሰኞ", "mon"]))

    assert {one: 1} == {other: 1}
    assert repr(one) == repr(other)


def test_weekdays_of_a_month_keep_the_ordinal_of_the_anchor() -> None:
    assert a_rule({"days": ["mon"]}, "monthly").cadence == EveryMonthsWeekdays(3, (0,))
