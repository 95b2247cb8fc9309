"""scheduler/occurrences: dates of a rule in a span, against a walk over the days (oracle.py)."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler.occurrences import dates, why
from scheduler.rules import EveryWeeks, Rule, RulePolicy
from scheduler.settings import MonthEnd, PackageUnit
from tests.scheduler.expansion.oracle import (
    DAY_NAMES,
    MONTH_NAMES,
    RRULE_DAYS,
    expected_dates,
    expected_rrule_dates,
)
from tests.scheduler.rules.rule_rows import THURSDAY, a_rule
from tests.steps import steps

COMING = date(2026, 12, 1), date(2027, 2, 22)

NEXT_YEAR = date(2027, 12, 31)
DAY = timedelta(days=1)
LONG_WALKS = settings(max_examples=400, deadline=None)


def some_of(names: dict[int, Any], most: int) -> st.SearchStrategy[list[Any]]:
    spellings = [name for spelled in names.values() for name in spelled]
    return st.lists(st.sampled_from(spellings), max_size=most)


def day_texts(first: date, last: date) -> st.SearchStrategy[str]:
    return st.dates(first, last).map(str)


ANCHORS = st.dates(date(2019, 1, 1), date(2028, 12, 31)) | st.sampled_from(
    [date(2020, 2, 29), date(2024, 2, 29), date(2020, 12, 31), date(2026, 1, 31), date(2026, 8, 29)]
)
BOUNDS = {
    "count": st.none() | st.integers(1, 30) | st.just(500),
    "until": st.none() | day_texts(date(2019, 6, 1), date(2030, 12, 31)),
    "exdates": st.none() | st.lists(day_texts(date(2026, 1, 1), date(2026, 12, 31)), max_size=40),
}
PATTERNS = st.fixed_dictionaries(
    {},
    optional={
        "days": st.none() | some_of(DAY_NAMES, 4),
        "months": st.none() | some_of(MONTH_NAMES, 5),
        "interval": st.none() | st.integers(1, 15) | st.just(24),
        **BOUNDS,
    },
)


@LONG_WALKS
@given(
    anchor=ANCHORS,
    frequency=st.sampled_from(["daily", "weekly", "bi-weekly", "monthly"]),
    pattern=PATTERNS,
    ahead=st.integers(-40, 1200),
    length=st.integers(0, 400),
    month_end=st.sampled_from(MonthEnd),
)
@example(date(2020, 12, 28), "weekly", {"interval": 2, "days": ["mon"]}, 0, 60, MonthEnd.CLAMP)
@example(date(2020, 12, 31), "bi-weekly", {"days": ["Sunday"]}, 0, 60, MonthEnd.CLAMP)
@example(date(2024, 2, 29), "monthly", {"interval": 12}, 0, 1500, MonthEnd.CLAMP)
@example(date(2024, 2, 29), "monthly", {"interval": 6}, 0, 1500, MonthEnd.CLAMP)
@example(date(2026, 1, 31), "monthly", {"count": 5, "months": ["Feb"]}, 0, 1500, MonthEnd.SKIP)
def test_dates_are_those_of_a_walk_over_the_days(
    anchor: date,
    frequency: str,
    pattern: dict[str, Any],
    ahead: int,
    length: int,
    month_end: MonthEnd,
) -> None:
    first = anchor + ahead * DAY
    last = first + length * DAY
    rule = a_rule(pattern, frequency, RulePolicy(month_end), session_date=anchor)

    found = dates(rule, first, last)

    assert found == expected_dates(anchor, frequency, pattern, first, last, month_end.value)


@pytest.mark.parametrize("day", range(1, 32))
def test_the_ordinal_is_that_of_the_anchor_on_every_day_of_a_month(day: int) -> None:
    anchor, last = date(2026, 12, day), date(2027, 6, 30)
    pattern = {"days": ["Tuesday", "Saturday"]}

    found = dates(a_rule(pattern, "monthly", session_date=anchor), anchor, last)

    assert found == expected_dates(anchor, "monthly", pattern, anchor, last)


@given(
    given_dates=st.lists(day_texts(date(2026, 1, 1), date(2027, 12, 31)), min_size=1, max_size=30),
    bounds=st.fixed_dictionaries({}, optional=BOUNDS),
    ahead=st.integers(-400, 400),
)
def test_given_dates_are_bounded_by_until_and_exclusions_alone(
    given_dates: list[str], bounds: dict[str, Any], ahead: int
) -> None:
    first = THURSDAY + ahead * DAY
    pattern = {"specific_dates": given_dates, "months": ["May"], "interval": 3, **bounds}

    found = dates(a_rule(pattern, "daily"), first, first + 200 * DAY)

    assert found == expected_dates(THURSDAY, "daily", pattern, first, first + 200 * DAY)


# RRULEs

WEEKDAY_LISTS = st.lists(st.sampled_from(RRULE_DAYS), min_size=1, max_size=4, unique=True)
NTH_WEEKDAYS = st.lists(
    st.builds("{}{}".format, st.sampled_from(["", 1, 3, 5, -1, -2]), st.sampled_from(RRULE_DAYS)),
    min_size=1,
    max_size=4,
    unique=True,
)  # fmt: skip
SHARED_PARTS = {
    "INTERVAL": st.integers(1, 8).map(str),
    "COUNT": st.integers(1, 40).map(str),
    "UNTIL": st.dates(date(2026, 1, 1), date(2030, 1, 1)).map(lambda day: day.strftime("%Y%m%d")),
    "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True).map(
        lambda months: ",".join(map(str, months))
    ),
    "BYMONTHDAY": st.lists(
        st.integers(1, 31) | st.integers(-31, -1), min_size=1, max_size=4, unique=True
    ).map(lambda days: ",".join(map(str, days))),
    "WKST": st.sampled_from(RRULE_DAYS),
    "BYSETPOS": st.lists(
        st.integers(1, 5) | st.integers(-4, -1), min_size=1, max_size=2, unique=True
    ).map(lambda places: ",".join(map(str, places))),
}


def parts_of(
    frequency: str, days: st.SearchStrategy[list[str]]
) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {"FREQ": st.just(frequency)}, optional={"BYDAY": days.map(",".join), **SHARED_PARTS}
    )


RRULES = (
    parts_of("DAILY", WEEKDAY_LISTS)
    | parts_of("WEEKLY", WEEKDAY_LISTS)
    | parts_of("MONTHLY", NTH_WEEKDAYS)
)


@LONG_WALKS
@given(anchor=ANCHORS, parts=RRULES, ahead=st.integers(-40, 1200), length=st.integers(0, 400))
@example(date(2026, 1, 31), {"FREQ": "MONTHLY", "INTERVAL": "5"}, 700, 400)
@example(date(2026, 1, 1), {"FREQ": "MONTHLY", "BYDAY": "MO,1TU"}, 0, 60)
@example(date(2026, 12, 2), {"FREQ": "WEEKLY", "BYDAY": "MO,WE,FR", "BYSETPOS": "2"}, 0, 28)
@example(date(2026, 5, 13), {"FREQ": "WEEKLY", "BYDAY": "TU,SU", "BYSETPOS": "2"}, 0, 28)
def test_an_rrule_means_the_days_of_a_walk(
    anchor: date, parts: dict[str, str], ahead: int, length: int
) -> None:
    first = anchor + ahead * DAY
    last = first + length * DAY
    text = ";".join(f"{name}={value}" for name, value in parts.items())

    found = dates(a_rule({"rrule": text}, session_date=anchor), first, last)

    assert found == expected_rrule_dates(anchor, parts, first, last)


@given(
    anchor=ANCHORS,
    text=st.sampled_from(
        [
            "FREQ=YEARLY",
            "FREQ=YEARLY;INTERVAL=3",
            "FREQ=YEARLY;BYMONTH=1,7",
            "FREQ=YEARLY;BYYEARDAY=1,100,-1",
            "FREQ=YEARLY;BYWEEKNO=1,20,53;BYDAY=MO",
            "FREQ=YEARLY;BYDAY=20MO,-1FR",
            "FREQ=YEARLY;BYMONTH=9,10;BYDAY=2WE;COUNT=5",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=SA,SU;BYSETPOS=1,3",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO",
            "FREQ=DAILY;INTERVAL=9;BYMONTH=1,2,3",
        ]
    ),
    ahead=st.integers(0, 1200),
)
@settings(deadline=None, max_examples=200)
def test_an_rrule_looked_at_years_later_is_as_dateutil_walks_it(
    anchor: date, text: str, ahead: int
) -> None:
    first = anchor + ahead * DAY
    last = first + 200 * DAY
    whole = rrulestr(text, dtstart=midnight(anchor))

    found = dates(a_rule({"rrule": text}, session_date=anchor), first, last)

    walked = [at.date() for at in whole.between(midnight(first), midnight(last), inc=True)]
    assert found == [day for day in walked if day > anchor]


def test_a_week_by_its_number_means_the_anchors_weekday_in_it() -> None:
    """RFC 5545, 3.3.10: the day is that of DTSTART. ISO weeks as Python's calendar has them."""
    rule = a_rule({"rrule": "FREQ=YEARLY;BYWEEKNO=20,53"}, session_date=date(2026, 5, 13))

    found = dates(rule, date(2026, 5, 13), date(2033, 12, 31))

    wednesdays = [date.fromisocalendar(year, 20, 3) for year in range(2027, 2034)]
    assert found == sorted([*wednesdays, date(2026, 12, 30), date(2032, 12, 29)])


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 RRULEs are of wall time


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=DAILY;INTERVAL=1000000;COUNT=5",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2;BYMONTHDAY=31",
    ],
)
def test_an_rrule_that_never_comes_is_not_walked_for_ever(text: str) -> None:
    rule = a_rule({"rrule": text}, session_date=date(1990, 1, 1))

    assert dates(rule, *COMING) == []
    assert steps(lambda: dates(rule, *COMING)) < 1_000_000


def test_the_count_of_an_rrule_is_of_its_own_dates() -> None:
    """The anchor, a Thursday, is no Monday: it does not use up one of three."""
    rule = a_rule({"rrule": "FREQ=WEEKLY;BYDAY=MO;COUNT=3"})

    assert dates(rule, THURSDAY, NEXT_YEAR) == [
        date(2026, 12, 21),
        date(2026, 12, 28),
        date(2027, 1, 4),
    ]


def test_until_and_exdates_of_the_pattern_bound_an_rrule() -> None:
    rule = a_rule({"rrule": "FREQ=DAILY", "until": "2026-12-20", "exdates": ["2026-12-19"]})

    assert dates(rule, THURSDAY, NEXT_YEAR) == [date(2026, 12, 18), date(2026, 12, 20)]


# Spans and bounds


def test_the_span_is_inclusive_at_both_ends() -> None:
    rule = a_rule(None, "daily")

    assert dates(rule, date(2026, 12, 20), date(2026, 12, 21)) == [
        date(2026, 12, 20),
        date(2026, 12, 21),
    ]


@pytest.mark.parametrize("frequency", ["daily", "weekly", "bi-weekly", "monthly"])
def test_the_anchor_is_never_among_the_dates(frequency: str) -> None:
    assert dates(a_rule(None, frequency), date(2026, 1, 1), THURSDAY) == []


def test_a_span_that_ends_before_it_begins_is_empty() -> None:
    assert dates(a_rule(None, "daily"), date(2027, 2, 1), date(2027, 1, 1)) == []


def test_a_count_of_one_is_the_anchor_alone() -> None:
    assert dates(a_rule({"count": 1}, "daily"), THURSDAY, NEXT_YEAR) == []


def test_an_exclusion_uses_up_one_of_the_count() -> None:
    rule = a_rule({"count": 3, "exdates": ["2026-12-18"]}, "daily")

    assert dates(rule, THURSDAY, NEXT_YEAR) == [date(2026, 12, 19)]


def test_a_date_outside_the_months_uses_up_none_of_the_count() -> None:
    rule = a_rule({"count": 3, "months": ["February"]})

    assert dates(rule, THURSDAY, NEXT_YEAR) == [date(2027, 2, 4), date(2027, 2, 11)]


def test_a_package_bounds_given_dates_too() -> None:
    policy = RulePolicy(package_unit=PackageUnit.DAYS)
    rule = a_rule(
        {"specific_dates": ["2026-12-20", "2027-01-20"]}, policy=policy, package_duration=30
    )

    assert dates(rule, THURSDAY, NEXT_YEAR) == [date(2026, 12, 20)]


def test_the_calendar_has_an_end() -> None:
    rule = Rule(date(9999, 12, 20), EveryWeeks((0,)))

    assert dates(rule, date(9999, 12, 20), date.max) == [date(9999, 12, 27)]


def test_a_split_span_has_the_dates_of_the_whole() -> None:
    rule = a_rule({"days": ["mon", "thu"], "interval": 3, "count": 20})
    middle = date(2027, 3, 1)

    whole = dates(rule, THURSDAY, NEXT_YEAR)

    assert dates(rule, THURSDAY, middle) + dates(rule, middle + DAY, NEXT_YEAR) == whole


# Why

REASONS: list[tuple[str | None, Any, str, str]] = [
    ("weekly", None, "2026-12-17", "first session"),
    ("weekly", None, "2026-12-10", "before the first session"),
    ("weekly", None, "2026-12-24", "every Thursday"),
    ("weekly", None, "2026-12-25", "not a day of the rule"),
    ("bi-weekly", {"days": ["mon"]}, "2026-12-28", "every second Monday"),
    ("weekly", {"interval": 5}, "2027-01-21", "every 5th Thursday"),
    ("daily", None, "2026-12-18", "every day"),
    ("daily", {"days": ["sat"]}, "2026-12-19", "every day, a Saturday"),
    ("daily", {"interval": 10}, "2026-12-27", "every 10th day"),
    ("monthly", None, "2027-01-17", "17th of the month"),
    ("monthly", {"days": ["wed"]}, "2027-01-20", "third Wednesday"),
    (None, {"specific_dates": ["2027-01-02"]}, "2027-01-02", "given date"),
    (None, {"specific_dates": ["2027-01-02"]}, "2027-01-03", "not a day of the rule"),
    (None, {"rrule": "FREQ=DAILY"}, "2027-01-03", "by the rule FREQ=DAILY"),
    ("weekly", {"exdates": ["2026-12-24"]}, "2026-12-24", "excluded by exdates"),
    ("weekly", {"until": "2026-12-31"}, "2027-01-07", "after until 2026-12-31"),
    ("weekly", {"until": "2026-12-31"}, "2027-01-08", "not a day of the rule"),
    ("weekly", {"count": 2}, "2026-12-31", "beyond count 2"),
    ("weekly", {"months": [1]}, "2026-12-24", "not in a month of the rule"),
]


@pytest.mark.parametrize(("frequency", "pattern", "day", "words"), REASONS)
def test_a_day_has_its_reason(frequency: str | None, pattern: object, day: str, words: str) -> None:
    assert why(a_rule(pattern, frequency), date.fromisoformat(day)) == words


def test_a_clamped_day_says_which_it_stands_for() -> None:
    rule = a_rule(None, "monthly", session_date=date(2026, 1, 31))

    assert why(rule, date(2026, 2, 28)) == "last day of the month, for the 31st"


def test_a_day_after_the_package_has_its_reason() -> None:
    policy = RulePolicy(package_unit=PackageUnit.WEEKS)
    rule = a_rule(policy=policy, package_duration=2)

    assert why(rule, date(2026, 12, 31)) == "after its package ends on 2026-12-30"


@settings(max_examples=200, deadline=None)
@given(
    anchor=ANCHORS,
    frequency=st.sampled_from(["daily", "weekly", "bi-weekly", "monthly"]),
    pattern=PATTERNS,
    ahead=st.integers(1, 800),
)
def test_the_reason_agrees_with_the_dates(
    anchor: date, frequency: str, pattern: dict[str, Any], ahead: int
) -> None:
    rule, day = a_rule(pattern, frequency, session_date=anchor), anchor + ahead * DAY

    is_left_out = why(rule, day).startswith(("not ", "after ", "beyond ", "excluded "))

    assert is_left_out == (day not in dates(rule, day, day))


OLD_AND_NEW = date(1970, 1, 1), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("frequency", "pattern"),
    [
        ("weekly", {"days": ["mon", "wed"]}),
        ("bi-weekly", {"days": ["mon", "wed"]}),
        ("daily", None),
        ("monthly", None),
        ("monthly", {"days": ["mon"]}),
        ("weekly", {"days": ["mon"], "interval": 3, "months": ["december"]}),
    ],
)
def test_an_old_rule_is_dated_in_as_few_steps_as_a_new_one(
    frequency: str, pattern: dict[str, Any] | None
) -> None:
    old, new = (
        steps(partial(dates, a_rule(pattern, frequency, session_date=anchor), *COMING))
        for anchor in OLD_AND_NEW
    )

    assert old < 1.2 * new


def test_the_sessions_of_an_old_rule_are_counted_in_few_steps_each() -> None:
    old, new = (
        steps(partial(dates, a_rule({"count": 10_000}, session_date=anchor), *COMING))
        for anchor in OLD_AND_NEW
    )
    weeks = (OLD_AND_NEW[1] - OLD_AND_NEW[0]).days // 7

    assert old - new < 20 * weeks
