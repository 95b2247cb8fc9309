"""Rows that shift in one run are judged together (design, "Movers"; the examples "Edited
together")."""

from datetime import time

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor
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

AT_14 = {"start_time": time(14), "end_time": time(15)}
AT_15 = {"start_time": time(15), "end_time": time(16)}


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def hours(site: Site, anchor: int) -> set[tuple[time, time]]:
    return {(row.start_time, row.end_time) for row in rows(site, anchor)}


def test_a_group_that_is_lengthened_in_one_edit_follows(site: Site) -> None:
    tutor = a_tutor(site.conn)
    group = [a_weekly(site, tutor_id=tutor) for _ in range(3)]
    run(site)
    site.sql("UPDATE tutor_sessions SET end_time = '15:30' WHERE is_recurring")

    report = run(site)

    assert report.rows.updated == 36
    assert [hours(site, anchor) for anchor in group] == [{(time(14), time(15, 30))}] * 3


def test_a_group_that_moves_by_half_an_hour_follows(site: Site) -> None:
    tutor = a_tutor(site.conn)
    group = [a_weekly(site, tutor_id=tutor) for _ in range(2)]
    run(site)
    site.sql(
        "UPDATE tutor_sessions SET start_time = '14:30', end_time = '15:30' WHERE is_recurring"
    )

    run(site)

    assert [hours(site, anchor) for anchor in group] == [{(time(14, 30), time(15, 30))}] * 2


PAIRS = {
    "two students of one tutor": ("tutor_id",),
    "two tutors of one student": ("student_id",),
    "two subjects of one pair": ("tutor_id", "student_id"),
}


@pytest.mark.parametrize("shared", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("lasts", [60, 90])
def test_two_lessons_swap_their_hours(site: Site, shared: tuple[str, ...], lasts: int) -> None:
    people = {"tutor_id": a_tutor(site.conn), "student_id": a_student(site.conn)}
    common = {name: people[name] for name in shared}
    first = a_weekly(site, subject="Maths", **AT_14, **common)
    end = time(15 + lasts // 60, lasts % 60)
    second = a_weekly(site, subject="Physics", start_time=time(15), end_time=end, **common)
    run(site)
    site.edit(first, start_time=time(14 + lasts // 60, lasts % 60), end_time=end)
    site.edit(second, start_time=time(14), end_time=time(14 + lasts // 60, lasts % 60))

    report = run(site)

    assert report.rows.updated == 24
    assert {row.start_time for row in rows(site, second)} == {time(14)}
    assert {row.end_time for row in rows(site, first)} == {end}


def test_a_swap_that_two_runs_see_half_of_is_whole_in_the_end(site: Site) -> None:
    student = a_student(site.conn)
    first, second = (a_weekly(site, student_id=student, **at) for at in (AT_14, AT_15))
    run(site)
    site.edit(first, **AT_15)
    run(site)
    assert hours(site, first) == {(time(14), time(15))}
    site.edit(second, **AT_14)

    run(site)

    assert (hours(site, first), hours(site, second)) == (
        {(time(15), time(16))}, {(time(14), time(15))})  # fmt: skip


def test_two_tutors_exchange_their_students(site: Site) -> None:
    tutors = [a_tutor(site.conn) for _ in range(2)]
    first, second = (a_weekly(site, tutor_id=tutor) for tutor in tutors)
    run(site)
    site.edit(first, tutor_id=tutors[1])
    site.edit(second, tutor_id=tutors[0])

    report = run(site)

    assert report.rows.updated == 24
    assert {row.tutor_id for row in rows(site, first)} == {tutors[1]}


def test_two_rules_that_swap_their_days_keep_their_rows(site: Site) -> None:
    people = {"tutor_id": a_tutor(site.conn), "student_id": a_student(site.conn)}
    first = a_weekly(site, subject="Maths", **people)
    second = a_weekly(site, subject="Physics", recurring_pattern={"days": ["Thursday"]}, **people)
    run(site)
    ids = {anchor: [row.id for row in rows(site, anchor)] for anchor in (first, second)}
    site.edit(first, **TO_THURSDAY)
    site.edit(second, recurring_pattern='{"days": ["Tuesday"]}')

    report = run(site)

    assert (report.rows.inserted, report.rows.updated, report.rows.cancelled) == (0, 24, 0)
    assert {anchor: [row.id for row in rows(site, anchor)] for anchor in (first, second)} == ids
    assert [row.session_date for row in rows(site, first)] == THURSDAYS
    assert [row.session_date for row in rows(site, second)] == TUESDAYS


def test_a_lesson_moved_onto_another_that_stays_is_in_conflict_and_says_so(site: Site) -> None:
    tutor = a_tutor(site.conn)
    first = a_weekly(site, tutor_id=tutor, **AT_14)
    second = a_weekly(site, tutor_id=tutor, start_time=time(15), end_time=time(16, 30))
    run(site)
    site.edit(first, **AT_15, topic="Decimals")

    report = run(site)

    assert hours(site, first) == {(time(14), time(15))}
    assert {row.topic for row in rows(site, first)} == {"Decimals"}
    in_the_way = [row.id for row in rows(site, second)]
    assert [row.reason for row in rows(site, first)] == [f"time_conflict {id}" for id in in_the_way]
    assert (report.occurrences["conflict"], report.occurrences["created"]) == (12, 12)


def test_a_lesson_moved_to_the_very_hours_of_another_student_is_a_group_with_that_one(
    site: Site,
) -> None:
    tutor = a_tutor(site.conn)
    first, second = (a_weekly(site, tutor_id=tutor, **at) for at in (AT_14, AT_15))
    run(site)
    site.edit(first, **AT_15)

    run(site)

    assert hours(site, first) == hours(site, second) == {(time(15), time(16))}


def test_a_row_in_a_group_with_one_that_cannot_follow_stays_too(site: Site) -> None:
    tutor = a_tutor(site.conn)
    group = [a_weekly(site, tutor_id=tutor) for _ in range(3)]
    run(site)
    student = site.pair(group[2])["student_id"]
    a_session(site.conn, student_id=student, session_date=TUESDAYS[3], start_time=time(15),
              end_time=time(16))  # fmt: skip
    site.sql("UPDATE tutor_sessions SET end_time = '15:30' WHERE is_recurring")

    run(site)

    for anchor in group:
        ends = {row.session_date: row.end_time for row in rows(site, anchor)}
        assert ends.pop(TUESDAYS[3]) == time(15)
        assert set(ends.values()) == {time(15, 30)}


def test_a_row_that_somebody_holds_is_in_the_way_of_those_that_shift(
    site: Site, database: str
) -> None:
    student = a_student(site.conn)
    first, second = (a_weekly(site, student_id=student, **at) for at in (AT_14, AT_15))
    run(site)
    held = rows(site, first)[0].id
    site.edit(first, **AT_15)
    site.edit(second, **AT_14)
    with shared_engine_on(database).begin() as backend:
        backend.exec_driver_sql(f"SELECT FROM tutor_sessions WHERE id = {held} FOR UPDATE")
        site.run(as_of=MONDAY, expand_days=84)
        assert rows(site, second)[0].start_time == time(15)
        assert rows(site, second)[1].start_time == time(14)

    run(site)

    assert (hours(site, first), hours(site, second)) == (
        {(time(15), time(16))}, {(time(14), time(15))})  # fmt: skip
