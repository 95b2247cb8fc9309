"""A date of today gets a row only before its start; a backfill fills past dates."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site
from tests.servers import shared_engine_on

TUESDAY = date(2026, 12, 8)
AT_ONE = NOON + timedelta(days=7, hours=1)  # 13:00 in Addis Ababa, an hour before the lesson
AT_THREE = NOON + timedelta(days=7, hours=3)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


@pytest.mark.parametrize(("freed_at", "rows"), [(AT_ONE, 1), (AT_THREE, 0)])
def test_a_date_that_is_freed_is_filled_only_before_its_hour(
    site: Site, freed_at: datetime, rows: int
) -> None:
    anchor = an_anchor(site.conn)
    tutor = site.pair(anchor)["tutor_id"]
    other = a_session(site.conn, tutor_id=tutor, session_date=TUESDAY, start_time="14:30")
    site.run()
    assert TUESDAY not in site.live(anchor)
    site.edit(other, status="cancelled")

    site.run(as_of=freed_at)

    assert site.live(anchor).count(TUESDAY) == rows


@pytest.mark.parametrize(("entered_at", "rows"), [(AT_ONE, 1), (AT_THREE, 0)])
def test_a_rule_entered_late_makes_no_row_that_has_begun(
    site: Site, entered_at: datetime, rows: int
) -> None:
    anchor = an_anchor(site.conn)

    site.run(as_of=entered_at)

    assert site.live(anchor).count(TUESDAY) == rows


def test_a_backfill_fills_todays_date_after_its_hour(site: Site) -> None:
    anchor = an_anchor(site.conn)

    site.backfill(TUESDAY, TUESDAY, as_of=AT_THREE)

    assert site.live(anchor) == [TUESDAY]
