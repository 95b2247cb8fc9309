"""Long random histories of edits: people's values stay, and the rest follows the rules.

By default eight histories, the same each time. EXPANSION_HISTORIES=2000 takes as many new
ones: `EXPANSION_HISTORIES=2000 uv run pytest tests/scheduler/expansion/test_stateful.py`.
"""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from models.migrations import upgrade
from tests.builders import a_session, a_student, a_tutor, an_anchor, an_enrolment
from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.oracle import expected_dates
from tests.scheduler.expansion.shadow import DAY, Dates, Shadow

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
HISTORIES = int(os.environ.get("EXPANSION_HISTORIES", "0"))

EMPTY = """
    TRUNCATE tutor_sessions, tutor_students, tutor_profiles, student_profiles, users,
             session_worker.series, session_worker.occurrence, session_worker.finding
             RESTART IDENTITY CASCADE"""

NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = st.integers(0, 11)
OFFSETS = st.integers(-10, 30)
HOURS = st.sampled_from([
    (time(14), time(15)), (time(14, 30), time(15, 30)), (time(15), time(16)),
    (time(23), time(1)), (time(0, 30), time(2)), (time(16), None),
])  # fmt: skip
PATTERNS: st.SearchStrategy[Any] = st.one_of(
    st.just({}),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(
        lambda days: {"days": days}
    ),
    st.integers(2, 4).map(lambda interval: {"interval": interval}),
    st.integers(1, 6).map(lambda count: {"count": count}),
)
RULES = st.tuples(st.sampled_from(("weekly", "weekly", "weekly", "daily", "bi-weekly")), PATTERNS)

Hours = tuple[time, time | None]
Meaning = tuple[str, dict[str, Any]]


def one_of_kinds(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*(
        st.tuples(st.just(kind), NUMBERS, details) for kind, details in kinds.items()
    ))  # fmt: skip


ANCHOR_EDITS = one_of_kinds(
    topic=st.none(),
    time=HOURS,
    rule=RULES,
    switch=st.sampled_from((True, True, False, None)),
    day=st.integers(-3, 9),
)
ROW_EDITS = one_of_kinds(
    words=st.sampled_from(("topic", "topic", "location")),
    status=st.sampled_from(("cancelled", "scheduled", "missed")),
    day=st.integers(-9, 9),
    time=HOURS,
    delete=st.none(),
    this_and_following=RULES,
)
EVENTS = one_of_kinds(
    add_anchor=st.tuples(OFFSETS, HOURS, RULES),
    delete_anchor=st.integers(0, 9),
    enter=st.tuples(OFFSETS, HOURS, st.sampled_from(("scheduled", "scheduled", "missed"))),
    change_entered=st.integers(-1, 9),
    enrolment=st.booleans(),
    clock=st.integers(-24 * 20, 24 * 20),
    lose_the_schema=st.integers(0, 3),
)


class History(RuleBasedStateMachine):
    """Each rule is something that happens on the site; after most of them the worker runs."""

    conn: ClassVar[Connection]
    engine: ClassVar[Engine]

    @initialize(lessons=st.lists(st.tuples(OFFSETS, HOURS, RULES), min_size=2, max_size=4))
    def begin(self, lessons: list[tuple[int, Hours, Meaning]]) -> None:
        self.conn.execute(text(EMPTY))
        self.site = Site(self.conn, self.engine)
        self.shadow = Shadow(self.site, NOON)
        self.tutors = [a_tutor(self.conn) for _ in range(2)]
        self.students = [a_student(self.conn) for _ in range(2)]
        self.edits, self.meanings = 0, dict[int, Meaning]()
        for tutor in self.tutors:
            for student in self.students:
                self.enrol(tutor, student)
        self.enrol(
            a_tutor(self.conn), a_student(self.conn)
        )  # never removed: the table is not empty
        for number, (offset, hours, meaning) in enumerate(lessons):
            self.add_anchor(number, (offset % 15, hours, meaning))
        self.shadow.expand()

    def enrol(self, tutor: int, student: int) -> None:
        an_enrolment(self.conn, tutor_id=tutor, student_profile_id=student)
        self.conn.commit()

    def pair(self, number: int) -> dict[str, int]:
        return {"tutor_id": self.tutors[number % 2], "student_id": self.students[number // 2 % 2]}

    # Rules

    def add_anchor(self, number: int, wish: tuple[int, Hours, Meaning]) -> None:
        offset, hours, meaning = wish
        if len(self.anchors()) >= 5:
            return
        day = TODAY + (offset - 15) * DAY
        anchor = an_anchor(
            self.conn, session_date=day, session_frequency=meaning[0],
            recurring_pattern=meaning[1], start_time=hours[0], end_time=hours[1],
            topic=self.words(), **self.pair(number),
        )  # fmt: skip
        self.conn.commit()
        self.shadow.entered(anchor)
        self.shadow.dates[anchor] = dates_of(day, meaning)
        self.meanings[anchor] = meaning

    @rule(changes=st.lists(ANCHOR_EDITS, min_size=1, max_size=3))
    def change_anchors(self, changes: list[tuple[str, int, Any]]) -> None:
        for kind, number, details in changes:
            if (anchor := self.chosen(self.anchors(), number)) is not None:
                getattr(self, f"change_{kind}")(anchor, details)
        self.shadow.expand()

    def change_topic(self, anchor: int, _: None) -> None:
        self.site.edit(anchor, topic=self.words())

    def change_time(self, anchor: int, hours: Hours) -> None:
        self.site.edit(anchor, start_time=hours[0], end_time=hours[1])

    def change_switch(self, anchor: int, value: bool | None) -> None:  # noqa: FBT001
        self.site.edit(anchor, is_recurring=value)

    def change_rule(self, anchor: int, meaning: Meaning) -> None:
        self.site.edit(anchor, **columns_of(meaning))
        self.shadow.dates[anchor] = dates_of(self.day_of(anchor), meaning)
        self.meanings[anchor] = meaning

    def change_day(self, anchor: int, days: int) -> None:
        day = self.day_of(anchor) + days * DAY
        self.site.edit(anchor, session_date=day)
        self.change_rule(anchor, self.meanings.get(anchor, ("weekly", {})))

    def delete_anchor(self, number: int, seldom: int) -> None:
        if seldom == 0 and (anchor := self.chosen(self.anchors(), number)) is not None:
            self.shadow.delete(anchor)

    # Generated rows

    @rule(edits=st.lists(ROW_EDITS, min_size=1, max_size=5))
    def edit_rows(self, edits: list[tuple[str, int, Any]]) -> None:
        for kind, number, details in edits:
            if (row := self.chosen(self.generated(), number)) is not None:
                getattr(self, f"row_{kind}")(row, details)

    def row_words(self, row: int, name: str) -> None:
        self.shadow.write(row, **{name: self.words()})

    def row_status(self, row: int, status: str) -> None:
        self.shadow.write(row, status=status)

    def row_day(self, row: int, days: int) -> None:
        self.shadow.write(row, session_date=self.day_of(row) + days * DAY)

    def row_time(self, row: int, hours: Hours) -> None:
        self.shadow.write(row, start_time=hours[0], end_time=hours[1])

    def row_delete(self, row: int, _: None) -> None:
        self.shadow.delete(row)

    def row_this_and_following(self, row: int, meaning: Meaning) -> None:
        """The worker runs at once: until then the row is neither a row of the series nor a rule."""
        if len(self.anchors()) >= 6:
            return
        self.site.edit(row, is_recurring=True, **columns_of(meaning))
        self.shadow.begins_a_series(row, dates_of(self.day_of(row), meaning))
        self.meanings[row] = meaning
        self.shadow.expand()

    # Rows that people enter

    def enter(self, number: int, wish: tuple[int, Hours, str]) -> None:
        offset, hours, status = wish
        day = self.shadow.at.date() + offset * DAY
        row = a_session(
            self.conn, session_date=day, start_time=hours[0], end_time=hours[1],
            status=status, **self.pair(number),
        )  # fmt: skip
        self.conn.commit()
        self.shadow.entered(row)

    def change_entered(self, number: int, days: int) -> None:
        row = self.chosen(self.entered(), number)
        if row is None:
            return
        if days < 0:
            self.shadow.write_adopted(row, status="cancelled")
        elif days == 0:
            self.shadow.delete(row)
        else:
            self.shadow.write_adopted(row, session_date=self.day_of(row) + days * DAY)

    # People, enrolments and settings

    @rule(events=st.lists(EVENTS, min_size=1, max_size=3))
    def something_happens(self, events: list[tuple[str, int, Any]]) -> None:
        for kind, number, details in events:
            getattr(self, kind)(number, details)
        self.shadow.expand()

    def enrolment(self, number: int, back: bool) -> None:  # noqa: FBT001
        pair = self.pair(number)
        self.site.sql(
            "DELETE FROM tutor_students WHERE tutor_id = :tutor_id"
            " AND student_profile_id = :student_id", **pair,
        )  # fmt: skip
        if back:
            self.enrol(pair["tutor_id"], pair["student_id"])

    def lose_the_schema(self, _: int, seldom: int) -> None:
        if seldom == 0 and self.edits > 12:
            self.conn.execute(text("DROP SCHEMA session_worker CASCADE"))
            upgrade(self.conn)
            self.conn.commit()
            self.shadow.forget()
            self.edits = 0

    def clock(self, _: int, hours: int) -> None:
        step = self.shadow.at + timedelta(hours=hours)
        self.shadow.at = min(max(step, NOON - 30 * DAY), NOON + 90 * DAY)

    def teardown(self) -> None:
        if hasattr(self, "shadow"):
            self.conn.rollback()
            self.shadow.expand()

    # Choice of rows

    def anchors(self) -> list[int]:
        return sorted(self.shadow.dates)

    def generated(self) -> list[int]:
        """The next few rows that the worker made: the fewer, the more edits meet."""
        return self.soonest(self.shadow.rows().keys() - self.shadow.not_ours)

    def entered(self) -> list[int]:
        return self.soonest(self.shadow.not_ours - self.shadow.dates.keys())

    def soonest(self, ids: set[int]) -> list[int]:
        rows = self.shadow.rows()
        to_come = [one for one in ids if not rows[one].begun(self.shadow.at)]
        return sorted(to_come, key=lambda one: (rows[one].starts, one))[:6]

    def day_of(self, session: int) -> date:
        return date.fromisoformat(self.shadow.rows()[session].cells["session_date"])

    def chosen(self, ids: list[int], number: int) -> int | None:
        return ids[number % len(ids)] if ids else None

    def words(self) -> str:
        self.edits += 1
        return f"words {self.edits}"


def columns_of(meaning: Meaning) -> dict[str, Any]:
    return {"session_frequency": meaning[0], "recurring_pattern": json.dumps(meaning[1])}


def dates_of(anchor: date, meaning: Meaning) -> Dates:
    def dates(first: date, last: date) -> list[date]:
        return expected_dates(anchor, *meaning, first, min(last, TODAY + 200 * DAY))

    return dates


def profile() -> settings:
    common: dict[str, Any] = {
        "database": None,
        "deadline": None,
        "suppress_health_check": list(HealthCheck),
    }
    if HISTORIES:
        return settings(max_examples=HISTORIES, stateful_step_count=60, **common)
    return settings(max_examples=8, stateful_step_count=30, derandomize=True, **common)


@pytest.fixture
def history(conn: Connection, database: str) -> Iterator[Callable[[], History]]:
    class OfThisDatabase(History):
        pass

    engine = create_engine(make_url(database).set(drivername="postgresql+psycopg2"))
    OfThisDatabase.conn, OfThisDatabase.engine = conn, engine
    yield OfThisDatabase
    engine.dispose()


def test_whatever_people_do_their_edits_stand_and_the_rest_follows_the_rules(
    history: Callable[[], History],
) -> None:
    run_state_machine_as_test(history, settings=profile())  # type: ignore[arg-type]  # a factory will do
