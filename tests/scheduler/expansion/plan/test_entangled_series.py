"""Rows that shift together though their series lie in different chunks of a run (design,
"Movers")."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler import expansion
from scheduler.expansion import chunk
from scheduler.expansion.admin.preview import preview
from scheduler.settings import Settings
from tests.builders import a_student, a_tutor
from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.twelve_weeks import (
    MONDAY,
    THURSDAYS,
    TO_THURSDAY,
    TUESDAYS,
    a_weekly,
    rows,
    run,
)
from tests.servers import shared_engine_on

HOURS = [{"start_time": time(hour), "end_time": time(hour + 1)} for hour in (14, 15, 16)]


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


@pytest.fixture
def one_series_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "CHUNK", 1)


def lessons_of_one_student(site: Site, *columns: Mapping[str, Any]) -> list[int]:
    """Their rows are made in the opposite order of their anchors."""
    student = a_student(site.conn)
    anchors = [a_weekly(site, student_id=student, **one) for one in columns]
    for anchor in anchors:
        site.edit(anchor, is_recurring=False)
    for anchor in reversed(anchors):
        site.edit(anchor, is_recurring=True)
        site.run(as_of=MONDAY, expand_days=84)
    return anchors


def hours(site: Site, anchors: Sequence[int]) -> list[set[time]]:
    return [{row.start_time for row in rows(site, anchor)} for anchor in anchors]


@pytest.mark.usefixtures("one_series_a_chunk")
def test_three_lessons_that_change_hours_in_a_ring_follow_over_three_chunks(site: Site) -> None:
    anchors = lessons_of_one_student(site, *HOURS)
    for anchor, at in zip(anchors, [*HOURS[1:], HOURS[0]], strict=True):
        site.edit(anchor, **at)

    report = run(site)

    assert report.rows.updated == 36
    assert hours(site, anchors) == [{time(15)}, {time(16)}, {time(14)}]


@pytest.mark.usefixtures("one_series_a_chunk")
@pytest.mark.parametrize("pairs", ["one pair", "two pairs"])
def test_two_rules_that_swap_their_days_over_two_chunks_keep_their_rows(
    site: Site, pairs: str
) -> None:
    people = {"tutor_id": a_tutor(site.conn)}
    if pairs == "one pair":
        people["student_id"] = a_student(site.conn)
    first = a_weekly(site, subject="Maths", **people)
    second = a_weekly(site, subject="Physics", end_time=time(15, 30), **people,
                      recurring_pattern={"days": ["Thursday"]})  # fmt: skip
    run(site)
    ids = [[row.id for row in rows(site, anchor)] for anchor in (first, second)]
    site.edit(first, **TO_THURSDAY)
    site.edit(second, recurring_pattern='{"days": ["Tuesday"]}')
    foretold = preview(site.engine, Settings(), MONDAY, first).dates

    report = run(site)

    assert (report.rows.inserted, report.rows.updated, report.rows.cancelled) == (0, 24, 0)
    assert [[row.id for row in rows(site, anchor)] for anchor in (first, second)] == ids
    assert [row.session_date for row in rows(site, first)] == THURSDAYS
    assert [row.session_date for row in rows(site, second)] == TUESDAYS
    assert [one.date for one in foretold] == THURSDAYS
    assert {"moves here from" in one.why for one in foretold} == {True}


@pytest.mark.usefixtures("one_series_a_chunk")
def test_a_series_that_fails_is_named_and_not_the_one_that_drew_it_in(site: Site) -> None:
    first, second = lessons_of_one_student(site, *HOURS[:2])
    site.sql(f"""ALTER TABLE session_worker.series ADD CONSTRAINT poison
                 CHECK (anchor_id <> {second} OR written->>'topic' IS NULL)""")
    site.edit(first, **HOURS[1])
    site.edit(second, **HOURS[0], topic="Decimals")

    report = site.run(as_of=MONDAY, expand_days=84)

    assert [one.anchor_id for one in report.failed] == [second]
    assert hours(site, [first, second]) == [{time(14)}, {time(15)}]
    assert {row.reason for row in rows(site, first)} == {
        f"time_conflict {row.id}" for row in rows(site, second)}  # fmt: skip


@pytest.mark.usefixtures("one_series_a_chunk")
def test_rows_of_more_series_than_one_transaction_holds_follow_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "MOST_TOGETHER", 1)
    anchors = lessons_of_one_student(site, *HOURS)
    for anchor, at in zip(anchors, [*HOURS[1:], HOURS[0]], strict=True):
        site.edit(anchor, **at)

    run(site)

    assert hours(site, anchors) == [{time(15)}, {time(16)}, {time(14)}]
