"""A random site: people, sessions entered by hand, and rows that carry rules of every shape.

The generator states the meaning of each rule; it is not read from the row. The dates come from
tests/scheduler/expansion/oracle.py.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor, an_enrolment
from tests.scheduler.expansion.oracle import (
    DAY_NAMES,
    MONTH_NAMES,
    expected_dates,
    expected_rrule_dates,
)

TODAY = date(2026, 12, 1)
LAST = TODAY + timedelta(days=365)
DAY = timedelta(days=1)

# first, last, month end → dates after the anchor
Dates = Callable[[date, date, str], list[date]]


@dataclass(frozen=True)
class RandomRule:
    """The columns of a row, and the dates they mean: none without a readable rule."""

    columns: Mapping[str, Any]
    dates: Dates


@dataclass
class RandomSite:
    """Inserted rows: session id → columns; and the rule of each anchor."""

    sessions: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    rules: dict[int, RandomRule] = field(default_factory=dict)
    suspended: set[int] = field(default_factory=set)


def build_site(conn: Connection, seed: int, rules: int) -> RandomSite:
    chance = random.Random(seed)
    tutors = [a_tutor(conn, is_suspended=number == 0) for number in range(rules // 10)]
    students = [a_student(conn) for _ in range(rules // 6)]
    site = RandomSite(suspended={tutors[0]})
    for tutor, student in zip(tutors, students, strict=False):
        an_enrolment(conn, tutor_id=tutor, student_profile_id=student)
    for _ in range(rules):
        pair = {"tutor_id": chance.choice(tutors), "student_id": chance.choice(students)}
        rule = a_rule(chance, pair | a_time(chance))
        session = a_session(conn, **rule.columns)
        site.sessions[session], site.rules[session] = rule.columns, rule
        if chance.random() < 0.4:  # a group, a duplicate, or a conflicting session
            add_rival(conn, site, chance, rule, students)
    meant = [(rule, rule.dates(TODAY, LAST, "clamp")) for rule in site.rules.values()]
    for _ in range(rules):
        add_by_hand(conn, site, chance, *chance.choice(meant))
    return site


def add_rival(
    conn: Connection,
    site: RandomSite,
    chance: random.Random,
    rule: RandomRule,
    students: Sequence[int],
) -> None:
    """The same rule and tutor: for the same student, another one, or a while later."""
    columns = dict(rule.columns)
    match chance.randrange(3):
        case 0:
            columns["student_id"] = chance.choice(students)
        case 1:
            columns["start_time"] = later(columns["start_time"], 30)
    session = a_session(conn, **columns)
    site.sessions[session], site.rules[session] = columns, RandomRule(columns, rule.dates)


def add_by_hand(
    conn: Connection, site: RandomSite, chance: random.Random, rule: RandomRule, dates: list[date]
) -> None:
    """A session of a pair that has a rule: on a date of the rule, at its time or near it."""
    columns = {
        **{key: rule.columns[key] for key in ("tutor_id", "student_id", "start_time", "end_time")},
        "session_date": chance.choice(dates or [TODAY]),
        "duration": chance.choice((None, 30, 60, 180)),
        "status": chance.choice(
            ("scheduled", "Scheduled", "cancelled", " Canceled", "missed", "completed")
        ),
    }
    if chance.random() < 0.5:
        columns |= a_time(chance)
    site.sessions[a_session(conn, **columns)] = columns


def a_time(chance: random.Random) -> dict[str, Any]:
    start = time(chance.randrange(7, 21), chance.choice((0, 30)))
    match chance.randrange(8):
        case 0:
            return {"start_time": start, "end_time": None, "duration": None}
        case 1:
            return {"start_time": start, "end_time": None, "duration": chance.choice((45, 90, 0))}
        case 2:
            return {"start_time": time(22, 30), "end_time": time(0, 30), "duration": 60}
        case 3:  # an error of the site's: duration counts
            return {"start_time": start, "end_time": time(6, 0), "duration": 90}
        case _:
            return {"start_time": start, "end_time": later(start, chance.choice((60, 90, 120)))}


def later(start: time, minutes: int) -> time:
    total = (start.hour * 60 + start.minute + minutes) % (24 * 60)
    return time(total // 60, total % 60)


def a_rule(chance: random.Random, columns: Mapping[str, Any]) -> RandomRule:
    days_off = chance.choice((chance.randrange(-200, 200), chance.randrange(-40, 20), -2600))
    anchor = TODAY + days_off * DAY
    status = chance.choice(("scheduled", "scheduled", "completed", "cancelled", "missed"))
    base = {**columns, "session_date": anchor, "status": status, "is_recurring": True}
    kind = chance.choice(KINDS)
    return kind(chance, base)


SPELLINGS = {
    "daily": ("daily", "Daily", "DAILY "),
    "weekly": ("weekly", "Weekly", " week_ly"),
    "bi-weekly": ("bi-weekly", "Bi_Weekly", "fortnightly", "biweekly"),
    "monthly": ("monthly", "Monthly", "MONTHLY"),
}
NONE_SAID = (None, "", "one-time", "One_time", "ONE TIME")


def by_column(chance: random.Random, base: Mapping[str, Any]) -> RandomRule:
    """The column says it; a pattern that says otherwise loses."""
    frequency = chance.choice(list(SPELLINGS))
    pattern = a_pattern(chance, frequency, base["session_date"])
    if chance.random() < 0.2:
        pattern["frequency"] = chance.choice(SPELLINGS[chance.choice(list(SPELLINGS))])
    return a_row(chance, base, frequency, chance.choice(SPELLINGS[frequency]), pattern)


def by_pattern(chance: random.Random, base: Mapping[str, Any]) -> RandomRule:
    frequency = chance.choice(list(SPELLINGS))
    pattern = a_pattern(chance, frequency, base["session_date"])
    pattern["frequency"] = chance.choice(SPELLINGS[frequency])
    return a_row(chance, base, frequency, chance.choice(NONE_SAID), pattern)


def by_days(chance: random.Random, base: Mapping[str, Any]) -> RandomRule:
    pattern = a_pattern(chance, "weekly", base["session_date"])
    pattern["days"] = some_days(chance)
    return a_row(chance, base, "weekly", chance.choice(NONE_SAID), pattern)


def by_dates(chance: random.Random, base: Mapping[str, Any]) -> RandomRule:
    """A rule of given dates, which override its other columns."""
    days = [TODAY + chance.randrange(-50, 400) * DAY for _ in range(chance.randrange(1, 15))]
    pattern = a_pattern(chance, "daily", base["session_date"])
    pattern["specific_dates"] = [day.isoformat() for day in days]
    column = chance.choice(("3 times per week", "Weekly", None))
    return a_row(chance, base, "daily", column, pattern)


RRULES = (
    {"FREQ": "WEEKLY", "BYDAY": "MO,WE"},
    {"FREQ": "WEEKLY", "INTERVAL": "3"},
    {"FREQ": "MONTHLY", "BYDAY": "-1SU"},
    {"FREQ": "MONTHLY", "BYMONTHDAY": "-1"},
    {"FREQ": "DAILY", "INTERVAL": "9", "UNTIL": "20270601"},
    {"FREQ": "DAILY", "COUNT": "40"},
)


def by_rrule(chance: random.Random, base: Mapping[str, Any]) -> RandomRule:
    parts = chance.choice(RRULES)
    text = ";".join(f"{key}={value}" for key, value in parts.items())
    columns = {
        **base,
        "session_frequency": chance.choice(("weekly", None, "Monthly")),
        "recurring_pattern": {"rrule": f"DTSTART:20200101T080000Z\nRRULE:{text}"},
    }

    def dates(first: date, last: date, _month_end: str) -> list[date]:
        return expected_rrule_dates(base["session_date"], parts, first, last)

    return RandomRule(columns, dates)


UNREADABLE: tuple[tuple[str | None, Any], ...] = (
    ("every now and then", None),
    ("weekly", {"days": [1]}),
    ("weekly", {"days": ["Funday"]}),
    ("daily", {"count": "ten"}),
    ("daily", {"rrule": "FREQ=HOURLY"}),
    ("One-time", {}),
    ("weekly", "no"),
)


def by_mistake(chance: random.Random, base: Mapping[str, Any]) -> RandomRule:
    """Not readable, or switched off: no dates."""
    frequency, pattern = chance.choice(UNREADABLE)
    columns = {**base, "session_frequency": frequency, "recurring_pattern": pattern}
    if chance.random() < 0.5:
        columns |= {"is_recurring": chance.choice((False, None)), "session_frequency": "Weekly"}
    return RandomRule(columns, lambda _first, _last, _month_end: [])


KINDS = (by_column, by_column, by_column, by_pattern, by_days, by_dates, by_rrule, by_mistake)


def a_row(
    chance: random.Random,
    base: Mapping[str, Any],
    frequency: str,
    column: str | None,
    pattern: Mapping[str, Any],
) -> RandomRule:
    stored = json.dumps(pattern) if chance.random() < 0.1 else dict(pattern) or None
    columns = {**base, "session_frequency": column, "recurring_pattern": stored}

    def dates(first: date, last: date, month_end: str) -> list[date]:
        return expected_dates(base["session_date"], frequency, pattern, first, last, month_end)

    return RandomRule(columns, dates)


def a_pattern(chance: random.Random, frequency: str, anchor: date) -> dict[str, Any]:
    """Some of the keys that a frequency can have; null and [] are nothing."""
    near = max(anchor, TODAY)
    preferences: dict[str, Callable[[], Any]] = {
        "days": lambda: some_days(chance),
        "months": lambda: [
            chance.choice(MONTH_NAMES[month]) for month in chance.sample(range(1, 13), 8)
        ],
        "count": lambda: chance.randrange(1, 60),
        "until": lambda: (near + chance.randrange(300) * DAY).isoformat(),
        "end_date": lambda: (near + chance.randrange(400) * DAY).isoformat(),
        "exdates": lambda: [(near + chance.randrange(60) * DAY).isoformat() for _ in range(9)],
        "except": lambda: [(near + n * DAY).isoformat() for n in range(0, 60, 7)],
        "interval": lambda: chance.randrange(1, 4),
    }
    pattern = {key: make() for key, make in preferences.items() if chance.random() < 0.18}
    if frequency == "daily" and not pattern.keys() & {"count", "until", "interval", "days"}:
        pattern["interval"] = chance.randrange(3, 12)
    if chance.random() < 0.2:
        pattern |= {key: chance.choice((None, [])) for key in ("months", "specific_dates")}
    return pattern


def some_days(chance: random.Random) -> list[str]:
    numbers = chance.sample(range(7), chance.randrange(1, 4))
    return [chance.choice(DAY_NAMES[number]) for number in numbers]
