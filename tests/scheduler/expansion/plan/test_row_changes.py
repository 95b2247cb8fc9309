"""Moves of rows when the dates of a rule change."""

from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from scheduler.expansion.plan.nearest_dates import nearest_in_order
from tests.builders import an_anchor
from tests.scheduler.expansion.expanded_site import Site, dec
from tests.servers import shared_engine_on

FIRST = date(2026, 12, 1)
DATES = st.lists(st.integers(0, 40), max_size=7, unique=True).map(
    lambda days: [FIRST + timedelta(days=day) for day in sorted(days)]
)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def distance(pairs: list[tuple[date, date]]) -> int:
    return sum(abs((new - old).days) for old, new in pairs)


@given(old=DATES, new=DATES)
def test_rows_and_dates_are_paired_in_the_nearest_order(old: list[date], new: list[date]) -> None:
    pairs = nearest_in_order(old, new)

    size = min(len(old), len(new))
    assert len(pairs) == size
    assert pairs == sorted(pairs)
    assert {one for one, _ in pairs} <= set(old)
    assert {one for _, one in pairs} <= set(new)
    assert len({one for one, _ in pairs}) == len({one for _, one in pairs}) == size
    assert distance(pairs) == min(
        distance(list(zip(some_old, some_new, strict=True)))
        for some_old in combinations(old, size)
        for some_new in combinations(new, size)
    )


def test_of_two_that_are_as_near_the_earlier_is_taken() -> None:
    assert nearest_in_order(dec(7, 9), dec(8)) == [(*dec(7), *dec(8))]
    assert nearest_in_order(dec(8), dec(7, 9)) == [(*dec(8), *dec(7))]


def test_a_row_that_a_person_cancelled_goes_to_a_new_date_like_the_others(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = {day: site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)}
    site.edit(ids[date(2026, 12, 8)], status="cancelled")
    site.edit(anchor, recurring_pattern='{"days": ["Wednesday"]}')

    report = site.run()

    # 2, 9, 16 and 23 December; the first stands for the date that the person cancelled.
    moved = [site.row_on(anchor, day).id for day in dec(9, 16, 23)]
    assert moved == [ids[day] for day in dec(15, 22, 29)]
    assert (report.rows.inserted, report.rows.updated, report.rows.cancelled) == (0, 3, 0)
    assert site.live(anchor) == dec(9, 16, 23)
    closed = site.occurrence(anchor, date(2026, 12, 2))
    assert (closed.state, closed.reason) == (
        "skipped", "a person cancelled the session of 2026-12-08")  # fmt: skip


def test_rows_move_to_the_nearest_of_more_dates(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = [site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)]
    site.edit(anchor, recurring_pattern='{"days": ["Monday", "Wednesday", "Friday"]}')

    site.run()

    assert [site.row_on(anchor, day).id for day in dec(7, 14, 21, 28)] == ids
    assert site.live(anchor) == dec(2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 25, 28)


def test_a_date_that_a_row_of_a_persons_has_is_no_row_s_new_date(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = {day: site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)}
    site.edit(ids[date(2026, 12, 29)], session_date=date(2026, 12, 16))
    site.edit(anchor, recurring_pattern='{"days": ["Wednesday"]}')

    site.run()

    assert [site.row_on(anchor, day).id for day in dec(2, 9, 16, 23)] == [
        ids[day] for day in dec(8, 15, 29, 22)]  # fmt: skip
