"""scheduler/rules/describe.py: a rule in words."""

from datetime import date

import pytest

from scheduler.rules import (
    RulePolicy,
    describe,
)
from scheduler.settings import MonthEnd, PackageUnit
from tests.scheduler.rules.rule_rows import a_rule


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
