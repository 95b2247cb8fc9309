"""Any content of a row is read in bounded time, as a value that can be stored and shown."""

import json
import math
import sys
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.occurrences import dates, why
from scheduler.rules import (
    Rule,
    Unreadable,
    describe,
)
from tests.scheduler.rules.rule_rows import THURSDAY, reading_of
from tests.steps import steps

SECOND_BY_SECOND = "FREQ=DAILY;BYHOUR=0,1;BYMINUTE=0,1;BYSECOND=0,1"


def nested(depth: int) -> object:
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


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
def test_hostile_patterns_become_a_value_in_few_steps(
    pattern: object, frequency: str | None
) -> None:
    assert steps(lambda: check_everything(pattern, frequency, THURSDAY)) < 1_000_000


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
