"""A backfill only inserts rows: existing rows, in its span and outside, stay as they are."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin.backfill import Deleted
from tests.builders import an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site, dec
from tests.servers import shared_engine_on

MAY = date(2027, 5, 1), date(2027, 5, 31)
DECEMBER = date(2026, 12, 1), date(2026, 12, 31)
THURSDAY = '{"days": ["Thursday"]}'


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def rows_of(site: Site) -> list[Any]:
    """Every session as it stands, version and all."""
    return list(site.sql("SELECT xmin::text, t.*::text FROM tutor_sessions t ORDER BY id").all())


@pytest.mark.parametrize(
    "edit",
    [
        {"recurring_pattern": THURSDAY},
        {"start_time": time(18), "end_time": time(19)},
        {"is_recurring": False},
        {"session_frequency": "now and then"},
        {"subject": "Physics"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_a_backfill_of_may_leaves_the_winters_rows_to_the_next_expansion(
    site: Site, edit: dict[str, Any]
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(anchor, **edit)
    before = rows_of(site)

    rehearsed = site.rehearsal(*MAY)
    done = site.backfill(*MAY)

    after = rows_of(site)
    assert after[: len(before)] == before
    assert done.rows == rehearsed.rows
    assert len(after) - len(before) == rehearsed.rows.inserted
    assert (done.rows.updated, done.rows.cancelled) == (0, 0)


def test_what_changed_follows_with_the_expansion_after_a_backfill(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    winter = [site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)]
    site.edit(anchor, recurring_pattern=THURSDAY, start_time=time(18), end_time=time(19))
    site.backfill(*DECEMBER)
    site.backfill(*MAY)

    report = site.run()

    assert (report.rows.updated, report.rows.cancelled) == (4, 0)
    moved = site.sql("SELECT session_date, id FROM tutor_sessions WHERE id = ANY(:ids)", ids=winter)
    assert {day.isoweekday() for day, _ in moved} == {4}
    assert {site.row_on(anchor, day).start_time for day in dec(3, 10, 17, 24)} == {time(18)}
    assert site.row_on(anchor, date(2027, 5, 6)).start_time == time(18)


def test_rows_of_a_backfill_between_an_edit_and_its_expansion_are_the_workers(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(anchor, start_time=time(18), end_time=time(19))
    site.backfill(*MAY)
    site.run()
    site.edit(anchor, start_time=time(20), end_time=time(21))

    site.run()

    assert site.row_on(anchor, date(2027, 5, 4)).start_time == time(20)
    assert site.row_on(anchor, date(2026, 12, 8)).start_time == time(20)


@pytest.mark.parametrize(
    "edit", [{"start_time": time(16), "end_time": time(17)}, {"subject": "Physics"}, {"topic": "x"}]
)
def test_the_digest_is_of_what_the_rows_would_hold(site: Site, edit: dict[str, Any]) -> None:
    anchor = an_anchor(site.conn)
    digest = site.rehearsal(*MAY).digest
    assert site.rehearsal(*MAY).digest == digest

    site.edit(anchor, **edit)

    assert site.rehearsal(*MAY).digest != digest


def test_the_digest_is_not_of_what_stands_elsewhere(site: Site) -> None:
    an_anchor(site.conn)
    digest = site.rehearsal(*MAY).digest

    site.run()

    assert site.rehearsal(*MAY).digest == digest


def test_deleted_dates_are_filled_again_where_that_is_asked_for(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.delete(site.row_on(anchor, date(2026, 12, 15)).id)
    site.run()
    assert site.live(anchor) == dec(8, 22, 29)

    site.backfill(*DECEMBER)
    assert site.live(anchor) == dec(8, 22, 29)
    report = site.backfill(*DECEMBER, deleted=Deleted.REFILL)

    assert (report.rows.inserted, site.live(anchor)) == (1, dec(8, 15, 22, 29))
    assert site.run(as_of=NOON + timedelta(minutes=1)).rows.inserted == 0
    assert site.states(anchor)[date(2026, 12, 15)] == "created"


def test_a_cancelled_or_moved_date_is_not_filled_again(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(site.row_on(anchor, date(2026, 12, 15)).id, status="cancelled")
    site.edit(site.row_on(anchor, date(2026, 12, 22)).id, session_date=date(2026, 12, 23))

    report = site.backfill(*DECEMBER, deleted=Deleted.REFILL)

    assert report.rows.inserted == 0
