"""Worked examples of the design's table of rules, checked by hand: a row, a horizon, its dates."""

import json
from datetime import date, time

import pytest

from scheduler.holidays import left_out_of_count
from scheduler.occurrences import dates
from scheduler.rules import Rule, RuleColumns, RulePolicy, Unreadable, read_rule
from scheduler.settings import MonthEnd, load_settings

CLAMP, SKIP = RulePolicy(MonthEnd.CLAMP), RulePolicy(MonthEnd.SKIP)
LAST_SUNDAY = "DTSTART:20200101T000000Z\nRRULE:FREQ=MONTHLY;BYDAY=-1SU"
ENCODED_TWICE = json.dumps({"days": ["Tuesday"], "months": None, "specific_dates": []})

# session_date, horizon, session_frequency, recurring_pattern, rows on
EXAMPLES = [
    ("2026-12-01", "2026-12-31", "Weekly", None,
     "2026-12-08 2026-12-15 2026-12-22 2026-12-29"),
    ("2026-12-01", "2026-12-20", "weekly", {"days": ["Monday", "ረቡዕ"]},
     "2026-12-02 2026-12-07 2026-12-09 2026-12-14 2026-12-16"),
    ("2026-12-15", "2027-02-01", "Bi_Weekly", None,
     "2026-12-29 2027-01-12 2027-01-26"),
    ("2026-12-17", "2027-01-20", "fortnightly", {"days": ["mon"]},
     "2026-12-28 2027-01-11"),
    ("2026-01-31", "2026-05-31", "Monthly", None,
     "2026-02-28 2026-03-31 2026-04-30 2026-05-31"),
    ("2026-01-29", "2026-06-01", "monthly", {"days": ["Thu"]},
     "2026-02-26 2026-03-26 2026-04-30 2026-05-28"),
    ("2026-11-11", "2027-01-31", "monthly", {"days": ["Wednesday", "ሰኞ"]},
     "2026-12-09 2026-12-14 2027-01-11 2027-01-13"),
    ("2026-12-17", "2027-01-20", "One-time", {"days": ["Fri"], "count": 3},
     "2026-12-18 2026-12-25"),
    ("2026-12-17", "2027-01-20", "weekly", {"count": 4, "exdates": ["2026-12-24"]},
     "2026-12-31 2027-01-07"),
    ("2026-12-17", "2027-01-20", "daily", {"interval": 10, "until": "2027-01-06"},
     "2026-12-27 2027-01-06"),
    ("2026-12-17", "2026-12-31", "daily", {"days": ["Saturday", "Sunday"]},
     "2026-12-19 2026-12-20 2026-12-26 2026-12-27"),
    ("2026-12-17", "2027-01-20", None, {"frequency": "WEEKLY", "months": [1]},
     "2027-01-07 2027-01-14"),
    ("2026-12-17", "2027-01-20", "Monthly", {"frequency": "weekly", "count": 10},
     "2027-01-17"),
    ("2026-12-17", "2027-01-20", "3 times per week",
     {"specific_dates": ["2026-12-01", "2027-01-02"]},
     "2027-01-02"),
    ("2026-12-17", "2027-03-20", "", {"rrule": LAST_SUNDAY},
     "2026-12-27 2027-01-31 2027-02-28"),
    ("2026-12-02", "2026-12-20", "", {"rrule": "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2"},
     "2026-12-09 2026-12-16"),
    ("2026-05-13", "2026-05-31", "", {"rrule": "FREQ=WEEKLY;BYDAY=TU,SU;BYSETPOS=2"},
     "2026-05-17 2026-05-24 2026-05-31"),
    ("2026-05-13", "2027-06-01", "", {"rrule": "FREQ=YEARLY;BYWEEKNO=20"},
     "2027-05-19"),
    ("2026-12-01", "2026-12-31", "", {"rrule": "FREQ=WEEKLY;UNTIL=20261215T105959Z"},
     "2026-12-08"),
    ("2026-12-17", "2026-12-31", "weekly", {"days": [" Wednesday"]},
     "2026-12-23 2026-12-30"),
    ("2024-02-29", "2028-03-01", "monthly", {"interval": 12},
     "2028-02-29"),
    ("2026-12-17", "2027-01-20", "weekly", ENCODED_TWICE,
     "2026-12-22 2026-12-29 2027-01-05 2027-01-12 2027-01-19"),
]  # fmt: skip

# session_frequency, recurring_pattern, what is said
UNREADABLE = [
    ("weekly", {"days": [1]}, "days: 1"),
    ("weekly", {"days": ["Funday"]}, "days: Funday"),
    ("every now and then", None, "unknown_frequency: every now and then"),
    ("One-time", {}, "no_frequency"),
    ("daily", {"rrule": "FREQ=HOURLY"}, "rrule: FREQ=HOURLY"),
    ("weekly", {"count": "ten"}, "count: ten"),
    ("weekly", "no", "recurring_pattern: not JSON of an object: no"),
]


def rule_of(
    day: str, frequency: str | None, pattern: object, policy: RulePolicy = CLAMP
) -> Rule | Unreadable | None:
    columns = RuleColumns(date.fromisoformat(day), True, frequency, pattern, start_time=time(14))
    return read_rule(columns, policy).rule


@pytest.mark.parametrize(("day", "horizon", "frequency", "pattern", "rows"), EXAMPLES)
def test_a_row_means_these_dates(
    day: str, horizon: str, frequency: str | None, pattern: object, rows: str
) -> None:
    rule = rule_of(day, frequency, pattern)

    assert isinstance(rule, Rule)
    found = dates(rule, date.fromisoformat(day), date.fromisoformat(horizon))
    assert " ".join(map(str, found)) == rows


def test_a_month_without_the_day_is_left_out_where_the_setting_says_so() -> None:
    rule = rule_of("2026-01-31", "Monthly", None, SKIP)

    assert isinstance(rule, Rule)
    found = dates(rule, date(2026, 1, 31), date(2026, 5, 31))
    assert found == [date(2026, 3, 31), date(2026, 5, 31)]


# MAKE_UP, rows on, 7 January being Genna. The day itself is a date without a row.
MADE_UP = [
    ("on", "2026-12-24 2026-12-31 2027-01-07 2027-01-14"),
    ("off", "2026-12-24 2026-12-31 2027-01-07"),
]


@pytest.mark.parametrize(("make_up", "expected"), MADE_UP)
def test_a_holiday_within_a_count_is_made_up_at_its_end(make_up: str, expected: str) -> None:
    settings = load_settings(_env_file=None, holidays="skip", make_up=make_up)
    rule = rule_of("2026-12-17", "weekly", {"count": 4})

    assert isinstance(rule, Rule)
    last = date(2027, 2, 1)
    found = dates(rule, rule.anchor, last, left_out_of_count(settings, rule, last))
    assert " ".join(map(str, found)) == expected


@pytest.mark.parametrize(("frequency", "pattern", "reason"), UNREADABLE)
def test_a_row_that_cannot_be_read_says_what_is_wrong(
    frequency: str, pattern: object, reason: str
) -> None:
    rule = rule_of("2026-12-17", frequency, pattern)

    assert isinstance(rule, Unreadable)
    assert rule.reason == reason


def test_a_pattern_against_the_column_is_found() -> None:
    columns = RuleColumns(date(2026, 12, 17), True, "Monthly", {"frequency": "weekly"}, None)

    (finding,) = read_rule(columns, CLAMP).findings

    assert (finding.code, finding.detail) == ("frequencies_disagree", "Monthly, weekly")
