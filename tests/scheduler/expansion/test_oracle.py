"""240 random rules over a year, row by row against a naive second opinion.

Dates come from a walk over the days; adoption, conflicts, groups and whose rule wins from loops
over plain values, rule by rule in the order of their ids.
"""

import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.expansion import expand
from scheduler.settings import MonthEnd, Settings
from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.random_site import LAST, TODAY, RandomSite, build_site
from tests.servers import shared_engine_on

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
RULES = 240
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lesson:
    """A session in the oracle's eyes. `of`: (anchor, date), where a rule made it."""

    id: int | None
    tutor: int
    student: int
    starts: datetime
    ends: datetime
    live: bool
    of: tuple[int, date] | None = None


@dataclass(frozen=True)
class Verdict:
    """`by`: the session that is there for it, or those in the way: its id, or whose date it is."""

    state: str
    by: tuple[int | tuple[int, date] | None, ...] = ()


def lesson(session: int | None, columns: Any, day: date, of: Any = None) -> Lesson:
    starts = datetime.combine(day, columns["start_time"])
    status = str(columns.get("status", "scheduled")).strip().lower()
    live = of is not None or status not in ("cancelled", "canceled", "missed")
    ends = end_of(starts, columns["end_time"], columns.get("duration", 60))
    return Lesson(session, columns["tutor_id"], columns["student_id"], starts, ends, live, of)


def end_of(starts: datetime, end: time | None, duration: int | None) -> datetime:
    if end is not None:
        same_day = datetime.combine(starts.date(), end)
        if same_day > starts:
            return same_day
        if same_day + timedelta(days=1) - starts <= timedelta(hours=12):
            return same_day + timedelta(days=1)
    return starts + timedelta(minutes=duration or 60)


def same_key(one: Lesson, other: Lesson) -> bool:
    return (one.tutor, one.student, one.starts) == (other.tutor, other.student, other.starts)


def in_the_way(one: Lesson, other: Lesson) -> bool:
    if not other.live or one.ends <= other.starts or other.ends <= one.starts:
        return False
    if one.student == other.student:
        return True
    group = one.starts == other.starts and one.ends == other.ends
    return one.tutor == other.tutor and not group


def second_opinion(site: RandomSite, month_end: str) -> dict[tuple[int, date], Verdict]:
    standing = [lesson(key, site.sessions[key], site.sessions[key]["session_date"])
                for key in sorted(site.sessions)]  # fmt: skip
    on_day = defaultdict[date, list[Lesson]](list)  # those that stand before those that are made
    for one in standing:
        on_day[one.starts.date()].append(one)
    verdicts, owned = {}, set[int]()
    for anchor, rule in sorted(site.rules.items()):
        if rule.columns["tutor_id"] in site.suspended:
            continue
        for day in rule.dates(TODAY, LAST, month_end):
            wish = lesson(None, rule.columns, day, (anchor, day))
            if wish.starts <= datetime(2026, 12, 1, 12):  # noqa: DTZ001 the run, in wall time
                continue
            near = [one for shift in (-1, 0, 1) for one in on_day[day + shift * DAY]]
            verdict = judge(wish, near)
            if (row := as_copied(site, rule.columns, verdict)) is not None and row not in owned:
                owned.add(row)
                verdict = Verdict("created", verdict.by)
            verdicts[anchor, day] = verdict
            if is_new(verdict):
                on_day[day].append(wish)
    return verdicts


def is_new(verdict: Verdict) -> bool:
    return verdict == Verdict("created")


def as_copied(site: RandomSite, anchor: Any, verdict: Verdict) -> int | None:
    """The row that is adopted, if it holds all that a copy of the anchor would."""
    row = verdict.by[0] if verdict.state == "adopted" else None
    if not isinstance(row, int) or row in site.rules:
        return None
    copied = ("start_time", "end_time")
    columns = site.sessions[row]
    alike = all(columns[name] == anchor[name] for name in copied)
    return row if alike and columns["duration"] == anchor.get("duration", 60) else None


def judge(wish: Lesson, near: list[Lesson]) -> Verdict:
    """Sessions that stand go before those that are made in this run, the lower ids first."""
    near = sorted(near, key=lambda one: (one.id is None, one.id or 0, one.of or (0, wish.starts)))
    same = [one.id or one.of for one in near if same_key(wish, one)]
    if same:
        return Verdict("adopted", (same[0],))
    rivals = tuple(one.id or one.of for one in near if in_the_way(wish, one))
    return Verdict("conflict", rivals) if rivals else Verdict("created")


@pytest.fixture
def stage(conn: Connection, database: str) -> tuple[Site, RandomSite]:
    site = build_site(conn, seed=20261201, rules=RULES)
    conn.commit()
    return Site(conn, shared_engine_on(database)), site


@pytest.mark.parametrize("month_end", list(MonthEnd))
def test_240_random_rules_over_a_year_make_the_rows_that_a_second_opinion_makes(
    stage: tuple[Site, RandomSite], month_end: MonthEnd
) -> None:
    site, rules = stage
    anchors = bytes_of_rows(site)

    report = expand(site.engine, Settings(expand_days=365, month_end=month_end), NOON)

    expected = second_opinion(rules, month_end)
    assert states(site) == {key: verdict.state for key, verdict in expected.items()}
    assert report.rows.inserted == sum(map(is_new, expected.values()))
    check_rows(site, rules, expected)
    afterwards = bytes_of_rows(site)
    assert {key: afterwards[key] for key in anchors} == anchors
    before = site.everything()
    again = expand(site.engine, Settings(expand_days=365, month_end=month_end), NOON)
    assert (again.rows, site.everything()) == (type(again.rows)(), before)


def states(site: Site) -> dict[tuple[int, date], str]:
    rows = site.sql("SELECT anchor_id, occurs_on, state FROM session_worker.occurrence")
    return {(row.anchor_id, row.occurs_on): row.state for row in rows}


COPIED = ("tutor_id", "student_id", "start_time", "end_time", "duration", "subject", "mode")


def check_rows(site: Site, rules: RandomSite, expected: dict[tuple[int, date], Verdict]) -> None:
    """Each row is its anchor's but for the date, once; each reason names the right session."""
    found = {(row.anchor_id, row.occurs_on): row for row in site.sql(JOINED)}
    sessions = dict(site.sql("SELECT id, to_jsonb(t) FROM tutor_sessions t").all())
    for (anchor, day), verdict in expected.items():
        row = found[anchor, day]
        if is_new(verdict):
            made, copied = sessions[row.session_id], sessions[anchor]
            assert {key: made[key] for key in COPIED} == {key: copied[key] for key in COPIED}
            assert (made["session_date"], made["status"]) == (day.isoformat(), "scheduled")
            assert made["is_recurring"] is False
        else:
            by = [found[one].session_id if isinstance(one, tuple) else one for one in verdict.by]
            assert (row.session_id or row.blocked_by) in by
    created = [row.session_id for row in found.values() if row.state == "created"]
    assert len(set(created)) == len(created)
    assert set(sessions) == set(created) | set(rules.sessions)


JOINED = "SELECT anchor_id, occurs_on, state, session_id, blocked_by FROM session_worker.occurrence"


def bytes_of_rows(site: Site) -> dict[int, str]:
    """Every row as text with its version and place: a write that changes nothing shows too."""
    read = "SELECT id, xmin || ' ' || ctid || ' ' || t::text FROM tutor_sessions t"
    return dict(site.sql(read).all())


WORKER = """
import sys
from datetime import datetime
from scheduler.expansion import expand
from scheduler.settings import Settings
from tests.servers import shared_engine_on
engine = shared_engine_on(sys.argv[1])
print(expand(engine, Settings(expand_days=365), datetime.fromisoformat(sys.argv[2]))
      .rows.inserted)
"""


def test_two_that_expand_at_once_make_the_rows_of_one(
    stage: tuple[Site, RandomSite], database: str
) -> None:
    site, rules = stage

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, database, NOON.isoformat()],
            stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    inserted = [int(process.communicate(timeout=120)[0]) for process in processes]

    expected = second_opinion(rules, "clamp")
    assert sum(inserted) == sum(map(is_new, expected.values()))
    assert states(site) == {key: verdict.state for key, verdict in expected.items()}
    check_rows(site, rules, expected)


def test_the_random_site_holds_what_it_is_there_for(stage: tuple[Site, RandomSite]) -> None:
    """A generator that drew no conflict would prove nothing."""
    verdicts = second_opinion(stage[1], "clamp")

    counts = {state: sum(one.state == state for one in verdicts.values())
              for state in ("created", "adopted", "conflict")}  # fmt: skip
    assert counts["created"] > 3000
    assert counts["adopted"] > 300
    assert counts["conflict"] > 300
    groups = {(row.starts, row.ends, row.tutor) for row in map(as_lesson, stage[1].rules.items())}
    assert len(groups) < len(stage[1].rules)


def as_lesson(item: tuple[int, Any]) -> Lesson:
    session, rule = item
    return lesson(session, rule.columns, rule.columns["session_date"])
