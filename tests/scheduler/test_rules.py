"""scheduler/rules: a row's columns → its rule, or the reason why there is none to be read."""

import json
import math
import sys
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.occurrences import dates, why
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
    describe,
)
from scheduler.settings import MonthEnd, PackageUnit, load_settings
from tests.scheduler.oracle import DAY_NAMES, MONTH_NAMES
from tests.scheduler.rule_rows import THURSDAY, a_row, a_rule, reading_of, reason_of

SECOND_BY_SECOND = "FREQ=DAILY;BYHOUR=0,1;BYMINUTE=0,1;BYSECOND=0,1"


def nested(depth: int) -> object:
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


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
def test_a_pattern_may_be_nothing(nothing: object) -> None:
    if nothing == []:
        assert reason_of(nothing) == "recurring_pattern: not JSON of an object: a list"
    else:
        assert a_rule(nothing) == a_rule(None)


@pytest.mark.parametrize(
    "key", ["days", "months", "count", "until", "exdates", "rrule", "interval"]
)
@pytest.mark.parametrize("nothing", [None, "", []])
def test_a_key_may_hold_nothing(key: str, nothing: object) -> None:
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


# RRULEs


def test_an_rrule_stands_before_frequency_days_months_and_count() -> None:
    ignored = {"frequency": 5, "days": [1], "months": [13], "count": "x", "interval": 0}

    rule = a_rule({"rrule": "FREQ=DAILY", "until": "2026-12-31", **ignored}, "now and then")

    assert rule == a_rule({"rrule": "freq=daily;until=20261231T205959Z"})


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=WEEKLY;BYDAY=MO",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        "rrule:freq=weekly;byday=mo;",
        "DTSTART;TZID=Africa/Addis_Ababa:20200101T090000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\n",
        "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0",
    ],
)
def test_an_rrule_may_be_written_in_these_ways(text: str) -> None:
    assert a_rule({"rrule": text}) == a_rule({"rrule": "FREQ=WEEKLY;BYDAY=MO"})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("FREQ=HOURLY", "FREQ=HOURLY"),
        ("FREQ=SECONDLY;COUNT=3", "FREQ=SECONDLY"),
        ("BYDAY=MO", "BYDAY=MO"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;COUNT=1,2", "COUNT=1,2"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ=WEEKLY"),
        ("FREQ=DAILY,WEEKLY", "FREQ=DAILY,WEEKLY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY=XX"),
        ("FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYDAY=1MO"),
        ("FREQ=MONTHLY;BYDAY=MO,6TU", "FREQ=MONTHLY;BYDAY=MO,6TU"),
        ("FREQ=YEARLY;BYMONTH=12;BYDAY=-6TU", "FREQ=YEARLY;BYDAY=-6TU"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYMONTHDAY=--1", "BYMONTHDAY=--1"),
        ("FREQ=MONTHLY;BYMONTH=-1", "BYMONTH=-1"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER=0"),
        ("FREQ=DAILY;WKST=XX", "WKST=XX"),
        ("FREQ=DAILY;UNTIL=never", "UNTIL=NEVER"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL=20270230"),
        ("FREQ=DAILY;X=1", "X=1"),
        ("FREQ=DAILY;;COUNT=2", "FREQ=DAILY;;COUNT=2"),
        (SECOND_BY_SECOND, "BYHOUR=0,1"),
        ("RRULE:FREQ=DAILY\nEXDATE:20270101", "EXDATE:20270101"),
        ("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "RRULE:FREQ=WEEKLY"),
        ("RDATE:20270101", "RDATE:20270101"),
        ("DTSTART:20200101", "DTSTART:20200101"),
        ("every monday", "EVERY MONDAY"),
    ],
)
def test_what_is_no_rrule_of_days_is_unreadable(text: str, fault: str) -> None:
    assert reason_of({"rrule": text}) == f"rrule: {fault}"


@pytest.mark.parametrize("value", [5, True, ["FREQ=DAILY"], {"freq": "DAILY"}, "FREQ=DAILY" * 500])
def test_an_rrule_that_is_no_text_of_sane_length_is_unreadable(value: object) -> None:
    assert reason_of({"rrule": value}).startswith("rrule: ")


# The settings


def test_the_policy_is_that_of_the_settings() -> None:
    settings = load_settings(month_end="skip", package_duration_unit="weeks")

    assert RulePolicy.of(settings) == RulePolicy(MonthEnd.SKIP, PackageUnit.WEEKS)


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


# In words


@pytest.mark.parametrize(
    ("frequency", "pattern", "words"),
    [
        ("daily", None, "every day"),
        ("daily", {"interval": 10}, "every 10th day"),
        ("daily", {"days": ["sat", "sun"]}, "every day that is a Saturday or Sunday"),
        ("weekly", {"days": ["wed", "mon"]}, "every week on Monday and Wednesday"),
        (
            "bi-weekly",
            {"days": ["mon", "wed"], "until": "2026-12-31", "count": 10},
            "every second week on Monday and Wednesday, until 2026-12-31, at most 10 sessions",
        ),
        ("weekly", {"count": 1}, "every week on Thursday, 1 session in all"),
        ("weekly", {"months": [1, 2, 5]}, "every week on Thursday, in January, February and May"),
        ("monthly", None, "every month on day 17"),
        ("monthly", {"days": ["wed"]}, "every month on the third Wednesday"),
        ("monthly", {"interval": 21}, "every 21st month on day 17"),
        ("one-time", {"specific_dates": ["2027-01-02"]}, "on 2027-01-02"),
        (
            "one-time",
            {"specific_dates": [f"2027-01-0{n}" for n in range(1, 7)]},
            "on 6 dates from 2027-01-01 to 2027-01-06",
        ),
        (
            "one-time",
            {"specific_dates": ["2020-01-01"]},
            "on no date after the first session",
        ),
        (
            None,
            {"rrule": "RRULE:FREQ=DAILY", "exdates": ["2027-01-07"]},
            "by the rule FREQ=DAILY, except on 2027-01-07",
        ),
    ],
)
def test_a_rule_can_be_said_in_words(frequency: str | None, pattern: object, words: str) -> None:
    assert describe(a_rule(pattern, frequency)) == words


@pytest.mark.parametrize(
    ("month_end", "words"),
    [
        (MonthEnd.CLAMP, "every month on day 31 or the last"),
        (MonthEnd.SKIP, "every month on day 31 where there is one"),
    ],
)
def test_the_words_say_what_happens_in_a_short_month(month_end: MonthEnd, words: str) -> None:
    rule = a_rule(None, "monthly", RulePolicy(month_end), session_date=date(2026, 1, 31))

    assert describe(rule) == words


def test_the_words_say_when_a_package_ends() -> None:
    rule = a_rule(policy=RulePolicy(package_unit=PackageUnit.WEEKS), package_duration=4)

    assert describe(rule) == "every week on Thursday, until its package ends on 2027-01-13"


# Whatever stands in a row


def test_equal_rows_make_equal_rules_that_can_be_keys() -> None:
    one, other = (a_rule({"days": days}) for days in (["mon", "tue"], ["Tuesday", "ሰኞ", "mon"]))

    assert {one: 1} == {other: 1}
    assert repr(one) == repr(other)


def test_weekdays_of_a_month_keep_the_ordinal_of_the_anchor() -> None:
    assert a_rule({"days": ["mon"]}, "monthly").cadence == EveryMonthsWeekdays(3, (0,))


HOSTILE = [
    {"days": ["x" * 10**6]},
    {"days": ["\x00\ud800Funday\n"]},
    {"days": [nested(500)]},
    {"x" * 10**6: 1, "\ud800": 1},
    {"interval": 10**5000},
    {"count": 10**5000, "interval": 10**5000},
    {"count": -(10**5000)},
    {"count": math.nan},
    {"specific_dates": ["2027-01-01"] * 10**5},
    {"until": "9999-12-31", "interval": 10**9},
    {"rrule": "FREQ=DAILY;" * 10**5},
    {"rrule": "\x00" * 900},
    {"rrule": "FREQ=YEARLY;BYMONTHDAY=" + ",".join(["1"] * 400)},
    {"rrule": SECOND_BY_SECOND},
    "[" * 10**6,
    '{"a":' * 10**5,
    "9" * 10**6,
    "\x00" * 10**6,
    nested(900),
    sys.maxsize,
    object(),
    b"{}",
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("frequency", ["daily", "weekly", "monthly", None])
def test_hostile_patterns_become_a_value_quickly(pattern: object, frequency: str | None) -> None:
    begun = time.process_time()

    check_everything(pattern, frequency, THURSDAY)

    assert time.process_time() - begun < 0.5


KEYS = ["days", "months", "specific_dates", "frequency", "rrule", "interval", "count",
        "until", "end_date", "exdates", "except"]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.dates().map(str) | st.sampled_from(["mon", "jan", "weekly", "FREQ=DAILY", "{}", "[]"])
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
PATTERNS = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), ANYTHING, max_size=6)


@given(
    pattern=PATTERNS | ANYTHING | PATTERNS.map(json.dumps),
    frequency=st.none() | st.text(max_size=12) | st.sampled_from(["daily", "weekly", "monthly"]),
    anchor=st.dates(),
)
@example({"interval": 10**30, "count": 10**30}, "monthly", date(9999, 12, 31))
@example({"days": ["sun"], "interval": 3}, "weekly", date(9999, 12, 27))
@example({"rrule": "FREQ=WEEKLY;BYDAY=SU"}, None, date(9999, 12, 30))
def test_any_json_is_a_rule_or_a_reason(
    pattern: object, frequency: str | None, anchor: date
) -> None:
    check_everything(pattern, frequency, anchor)


def check_everything(pattern: object, frequency: str | None, anchor: date) -> None:
    """Read, date and describe a row; whatever is said fits a text column of PostgreSQL."""
    reading = reading_of(pattern, frequency, session_date=anchor)
    said = [f"{finding.code} {finding.detail}" for finding in reading.findings]
    if isinstance(reading.rule, Rule):
        last = date.fromordinal(min(anchor.toordinal() + 400, date.max.toordinal()))
        found = dates(reading.rule, anchor, last)
        assert found == sorted(set(found))
        assert all(anchor < day <= last for day in found)
        said += [describe(reading.rule), *(why(reading.rule, day) for day in found[:3])]
        hash(reading.rule)
    else:
        assert isinstance(reading.rule, Unreadable)
        said.append(reading.rule.reason)
    for words in said:
        assert words.isprintable()
        assert len(words.encode()) < 2_000


def test_ten_thousand_rows_are_read_in_a_moment() -> None:
    """Well under half a second is the aim; the limit leaves room for a busy machine."""
    pattern = {"days": ["Monday", "ረቡዕ"], "months": ["January", "Feb"], "specific_dates": []}
    rows = [a_row(pattern) for _ in range(10_000)]
    begun = time.process_time()

    rules = [reading_of(row.recurring_pattern).rule for row in rows]

    assert time.process_time() - begun < 1.5
    assert len(rules) == 10_000
