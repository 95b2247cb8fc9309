"""End of a series by hand, and its reopening."""

from datetime import date

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin.preview import NotASeries
from scheduler.expansion.admin.series import (
    end_series,
    end_series_and_cancel,
    rehearse_end,
    reopen_series,
)
from scheduler.settings import Settings
from tests.builders import an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site, dec
from tests.servers import shared_engine_on

SETTINGS = Settings(_env_file=None, expand_days=28)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def test_what_ending_would_cancel_is_said_and_nothing_is_written(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    before = site.everything()

    would = rehearse_end(site.engine, SETTINGS, NOON, anchor)

    assert site.everything() == before
    assert would == end_series_and_cancel(site.engine, SETTINGS, NOON, anchor)
    assert would.cancelled == 4


def test_a_reopened_series_goes_on_and_its_rows_come_back(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = [site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)]
    end_series_and_cancel(site.engine, SETTINGS, NOON, anchor)
    site.run()
    assert site.live(anchor) == []

    reopen_series(site.engine, anchor)
    site.run()

    assert site.live(anchor) == dec(8, 15, 22, 29)
    assert [site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)] == ids
    assert site.series(anchor).state == "active"


def test_a_reopened_series_fills_the_weeks_that_passed_meanwhile_from_today_on(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    end_series(site.engine, SETTINGS, NOON, anchor)
    later = NOON.replace(year=2027, month=2)
    site.run(as_of=later)

    reopen_series(site.engine, anchor)
    site.run(as_of=later)

    # From Monday 1 February 28 days ahead; none for January.
    assert site.live(anchor)[4:] == [date(2027, 2, day) for day in (2, 9, 16, 23)]


def test_a_row_of_a_series_names_its_series_where_it_cannot_be_ended(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    row = site.row_on(anchor, date(2026, 12, 8)).id

    with pytest.raises(NotASeries, match=f"the series of session {anchor}"):
        end_series(site.engine, SETTINGS, NOON, row)
    with pytest.raises(NotASeries, match=f"the series of session {anchor}"):
        reopen_series(site.engine, row)


def test_a_series_that_no_admin_ended_is_not_reopened(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()

    with pytest.raises(NotASeries, match="is active: only one that an admin ended"):
        reopen_series(site.engine, anchor)
