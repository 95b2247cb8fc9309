""" "This and following": rows that pass to the new series, and rows that are given back (design,
"What happened")."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, an_anchor
from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.twelve_weeks import (
    THURSDAYS,
    TO_THURSDAY,
    TUESDAYS,
    a_weekly,
    rows,
    run,
)
from tests.servers import shared_engine_on

ON: dict[str, Any] = {"is_recurring": True}
OFF: dict[str, Any] = {
    "is_recurring": False, "session_frequency": "one-time", "recurring_pattern": None,
}  # fmt: skip


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def expanded(site: Site) -> int:
    anchor = a_weekly(site, topic="Fractions")
    run(site)
    return anchor


def dates(site: Site, anchor: int) -> list[date]:
    return [row.session_date for row in rows(site, anchor) if row.status == "scheduled"]


def test_a_rule_entered_on_a_deleted_date_leaves_the_series_of_that_date_alone(
    site: Site,
) -> None:
    anchor = expanded(site)
    site.delete(rows(site, anchor)[4].id)
    run(site)
    an_anchor(site.conn, session_date=TUESDAYS[4], session_frequency="monthly", subject="Chess",
              **site.pair(anchor))  # fmt: skip

    report = run(site)

    assert report.rows.cancelled == 0
    assert site.series(anchor).ends_on is None
    assert len([day for day in TUESDAYS if day in dates(site, anchor)]) == 12


def test_a_rule_that_cannot_be_read_splits_nothing(site: Site) -> None:
    anchor = expanded(site)
    ticked = rows(site, anchor)[4].id
    site.edit(ticked, **ON)

    report = run(site)

    assert dates(site, anchor) == TUESDAYS
    assert (site.series(anchor).ends_on, report.series["active"]) == (None, 1)
    assert (ticked, "no_frequency") in {(one.session_id, one.code) for one in report.findings}


@pytest.mark.parametrize("seen_between", ["ticked", "ticked and weekly", "not at all"])
def test_a_tick_that_is_undone_leaves_no_trace(site: Site, seen_between: str) -> None:
    anchor = expanded(site)
    ids = [row.id for row in rows(site, anchor)]
    site.edit(ids[4], **ON)
    if seen_between == "ticked and weekly":
        site.edit(ids[4], session_frequency="weekly", topic="New")
    if seen_between != "not at all":
        run(site)
    site.edit(ids[4], **OFF, topic="Fractions")
    site.edit(anchor, topic="Decimals", **TO_THURSDAY)

    report = run(site)

    assert [row.id for row in rows(site, anchor)] == ids
    assert dates(site, anchor) == THURSDAYS
    assert {row.topic for row in rows(site, anchor)} == {"Decimals"}
    assert report.series == {"active": 1, "stopped": 0, "ended": 0, "unreadable": 0, "paused": 0}


@pytest.mark.parametrize("frequency", ["one-time", "weekly"])
def test_all_rows_ticked_and_unticked_are_the_rows_of_one_series(
    site: Site, frequency: str
) -> None:
    anchor = expanded(site)
    site.sql("UPDATE tutor_sessions SET is_recurring = true, session_frequency = :frequency"
             " WHERE id <> :id", frequency=frequency, id=anchor)  # fmt: skip
    run(site)
    site.sql("UPDATE tutor_sessions SET is_recurring = false, session_frequency = 'one-time'"
             " WHERE id <> :id", id=anchor)  # fmt: skip

    report = run(site)

    assert dates(site, anchor) == TUESDAYS
    assert (report.series["active"], sum(report.series.values())) == (1, 1)
    site.edit(anchor, **TO_THURSDAY)
    assert run(site).rows.updated == 12


def test_a_rule_that_is_mended_after_a_typing_error_splits_then(site: Site) -> None:
    anchor = expanded(site)
    new = rows(site, anchor)[4].id
    site.edit(new, **ON, session_frequency="weekly", recurring_pattern='{"days": ["Thurday"]}')
    run(site)
    assert dates(site, anchor) == TUESDAYS
    site.edit(new, recurring_pattern='{"days": ["Thursday"]}')

    run(site)

    assert site.series(anchor).ends_on == TUESDAYS[4] - timedelta(days=1)
    assert dates(site, new) == THURSDAYS[4:]


def test_a_series_that_made_a_row_of_its_own_stays_split_when_it_is_switched_off(
    site: Site,
) -> None:
    anchor = expanded(site)
    new = rows(site, anchor)[4].id
    site.edit(new, **ON, session_frequency="weekly",
              recurring_pattern='{"days": ["Tuesday", "Friday"]}')  # fmt: skip
    run(site)
    site.edit(new, **OFF)

    report = run(site)

    assert (report.series["stopped"], dates(site, anchor)) == (1, TUESDAYS[:4])


def test_a_row_that_a_person_placed_gets_no_other_beside_it(site: Site) -> None:
    anchor = expanded(site)
    found = rows(site, anchor)
    site.edit(found[6].id, session_date=THURSDAYS[6], start_time=time(16), end_time=time(17))
    site.edit(found[7].id, topic="Exam")
    site.edit(found[4].id, **ON, session_frequency="weekly", **TO_THURSDAY)

    run(site)

    new = found[4].id
    assert [day for day in dates(site, new) if day == THURSDAYS[6]] == [THURSDAYS[6]]
    assert site.sql("SELECT count(*) FROM tutor_sessions WHERE session_date = :day",
                    day=THURSDAYS[6]).scalar() == 1  # fmt: skip
    assert [row.session_date for row in rows(site, new) if row.topic == "Exam"] == [THURSDAYS[7]]


def test_an_adopted_row_that_a_person_makes_recurring_splits(site: Site) -> None:
    anchor = a_weekly(site)
    own = a_session(site.conn, session_date=TUESDAYS[4], topic="By hand", **site.pair(anchor))
    run(site)
    site.edit(own, **ON, session_frequency="weekly", **TO_THURSDAY)

    run(site)

    assert site.series(anchor).continued_by == own
