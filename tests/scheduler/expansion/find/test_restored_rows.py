"""A row that the worker cancelled and a person restored: its status is the person's, other columns
follow."""

import json
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from models.migrations import upgrade
from scheduler.expansion.admin.audit import audit
from scheduler.expansion.admin.preview import preview
from scheduler.settings import OnHoliday, OnStop, Settings
from tests.builders import a_session, an_anchor
from tests.scheduler.expansion.expanded_site import DAY, NOON, Site, dec
from tests.servers import shared_engine_on

THE_22ND = date(2026, 12, 22)
RESTORED = "restored_by_a_person"
# ON_STOP matters here only for the case that stops a rule.
HOW: dict[str, Any] = {"on_stop": OnStop.CANCEL}


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def shorten(site: Site, anchor: int) -> None:
    site.edit(anchor, recurring_pattern=json.dumps({"until": "2026-12-15"}))


def widen(site: Site, anchor: int) -> None:
    site.edit(anchor, recurring_pattern=None)


def a_restored_row(site: Site) -> tuple[int, int]:
    """An anchor whose rule was shortened, and its row of the 22nd, that a person wants anyway."""
    anchor = an_anchor(site.conn, topic="Fractions")
    site.run(**HOW)
    row = site.row_on(anchor, THE_22ND).id
    shorten(site, anchor)
    site.run(**HOW)
    assert site.live(anchor) == dec(8, 15)
    site.edit(row, status="scheduled")
    return anchor, row


def run_and_be_quiet(site: Site, **settings: Any) -> None:
    """A run, and two more that write nothing: one with the stored snapshot, one without."""
    site.run(**(HOW | settings))
    before = site.everything()
    for _ in range(2):
        site.run(**(HOW | settings))
        assert site.everything() == before
        site.sql("DELETE FROM session_worker.last_look")


def previewed(site: Site, anchor: int) -> dict[date, tuple[str, str]]:
    found = preview(site.engine, Settings(expand_days=28), NOON, anchor)
    return {one.date: (one.state, one.why) for one in found.dates}


# While the rule does not name the date


def test_a_restored_row_is_a_row_of_its_series_again_and_says_why(site: Site) -> None:
    anchor, _ = a_restored_row(site)
    assert previewed(site, anchor)[THE_22ND][0] == "created"  # the result of the next run

    report = site.run(**HOW)

    found = site.occurrence(anchor, THE_22ND)
    assert (found.state, found.reason) == ("created", RESTORED)
    assert (report.occurrences["created"], report.occurrences["skipped"]) == (3, 1)
    assert "restored by a person" in previewed(site, anchor)[THE_22ND][1]
    run_and_be_quiet(site)


def test_the_audit_tells_of_a_restored_row_until_a_run_has_seen_it(site: Site) -> None:
    anchor, _ = a_restored_row(site)
    how = Settings(expand_days=28, **HOW)
    assert [one.session_id for one in audit(site.engine, how, NOON)] == [anchor]

    site.run(**HOW)

    assert audit(site.engine, how, NOON) == ()


def test_a_restored_row_follows_what_changes_and_is_not_cancelled_again(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.edit(anchor, topic="Decimals", start_time=time(16), end_time=time(17))

    run_and_be_quiet(site)

    found = site.row_on(anchor, THE_22ND)
    assert (found.id, found.status) == (row, "scheduled")
    assert (found.topic, found.start_time) == ("Decimals", time(16))
    site.edit(anchor, topic="Percent", recurring_pattern=json.dumps({"days": ["Thursday"]}))
    run_and_be_quiet(site)
    found = site.row_on(anchor, THE_22ND)
    assert (found.id, found.status, found.topic) == (row, "scheduled", "Percent")


def test_what_changed_while_the_row_was_cancelled_reaches_it(site: Site) -> None:
    anchor = an_anchor(site.conn, topic="Fractions")
    site.run()
    row = site.row_on(anchor, THE_22ND).id
    shorten(site, anchor)
    site.run()
    site.edit(anchor, topic="Decimals")
    site.run()
    site.edit(row, status="scheduled", location="B2")

    run_and_be_quiet(site)

    assert (site.row_on(anchor, THE_22ND).topic, site.row_on(anchor, THE_22ND).location) == (
        "Decimals", "B2")  # fmt: skip


def test_a_restored_row_is_in_the_way_of_other_rules(site: Site) -> None:
    anchor, row = a_restored_row(site)
    other = an_anchor(site.conn, tutor_id=site.pair(anchor)["tutor_id"],
                      start_time=time(14, 30), end_time=time(15, 30))  # fmt: skip

    site.run(**HOW)

    found = site.occurrence(other, THE_22ND)
    assert (found.state, found.blocked_by) == ("conflict", row)


def test_a_row_that_is_restored_and_cancelled_again_is_the_persons(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.run(**HOW)
    site.edit(row, status="cancelled")
    run_and_be_quiet(site)

    widen(site, anchor)
    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 29)
    assert site.occurrence(anchor, THE_22ND).session_id == row


def test_a_row_restored_as_missed_or_completed_is_the_persons_too(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.edit(row, status="completed")

    run_and_be_quiet(site)
    widen(site, anchor)
    run_and_be_quiet(site)

    assert site.row_on(anchor, THE_22ND).status == "completed"
    assert (site.occurrence(anchor, THE_22ND).state, site.live(anchor)) == (
        "created", dec(8, 15, 22, 29))  # fmt: skip


def test_another_spelling_of_cancelled_restores_nothing(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.edit(row, status=" Canceled")

    run_and_be_quiet(site)

    assert site.occurrence(anchor, THE_22ND).state == "skipped"


# Once the rule names the date again


@pytest.mark.parametrize("seen_between", [True, False])
def test_a_restored_row_is_the_row_of_its_date_when_the_rule_wants_it_again(
    site: Site,
    seen_between: bool,  # noqa: FBT001
) -> None:
    anchor, row = a_restored_row(site)
    if seen_between:
        site.run(**HOW)
    widen(site, anchor)
    site.edit(anchor, topic="Decimals")

    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 22, 29)
    found = site.occurrence(anchor, THE_22ND)
    assert (found.state, found.reason, found.session_id) == ("created", None, row)
    assert site.row_on(anchor, THE_22ND).topic == "Decimals"
    shorten(site, anchor)
    run_and_be_quiet(site)
    assert site.live(anchor) == dec(8, 15, 22)
    assert site.occurrence(anchor, THE_22ND).reason == RESTORED


def test_a_record_that_an_older_worker_left_is_put_right(site: Site) -> None:
    """The rule names the date again, but the record still says that it does not."""
    anchor, _ = a_restored_row(site)
    widen(site, anchor)
    site.run(**HOW)
    site.sql("""UPDATE session_worker.occurrence SET state = 'skipped', reason = 'rule_changed',
                       kept = NULL WHERE occurs_on = '2026-12-22'""")  # fmt: skip

    run_and_be_quiet(site)

    assert site.occurrence(anchor, THE_22ND)[3:5] == ("created", None)


# All causes of the cancellation


def by_days(site: Site, anchor: int) -> None:
    site.edit(anchor, recurring_pattern=json.dumps({"specific_dates": ["2026-12-08"]}))


def by_switch(site: Site, anchor: int) -> None:
    site.edit(anchor, is_recurring=False)


def by_switch_back(site: Site, anchor: int) -> None:
    site.edit(anchor, is_recurring=True)


@pytest.mark.parametrize(
    ("withdraw", "give_back"), [(shorten, widen), (by_days, widen), (by_switch, by_switch_back)]
)
def test_a_row_is_restored_whatever_had_cancelled_it(
    site: Site, withdraw: Callable[[Site, int], None], give_back: Callable[[Site, int], None]
) -> None:
    anchor = an_anchor(site.conn, topic="Fractions")
    site.run(**HOW)
    row = site.row_on(anchor, THE_22ND).id
    withdraw(site, anchor)
    site.run(**HOW)
    assert THE_22ND not in site.live(anchor)
    site.edit(row, status="scheduled")
    run_and_be_quiet(site)
    assert site.occurrence(anchor, THE_22ND)[3:5] == ("created", RESTORED)

    give_back(site, anchor)
    site.edit(anchor, topic="Decimals")
    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 22, 29)
    assert site.occurrence(anchor, THE_22ND)[3:5] == ("created", None)
    assert site.row_on(anchor, THE_22ND).topic == "Decimals"
    withdraw(site, anchor)
    run_and_be_quiet(site)
    assert THE_22ND in site.live(anchor)


def test_a_row_restored_on_a_holiday_stands(site: Site) -> None:
    christmas, at = date(2027, 1, 7), NOON + 30 * DAY
    anchor = an_anchor(site.conn, session_date=date(2026, 12, 31))
    site.run(as_of=at)
    row = site.row_on(anchor, christmas).id
    site.run(as_of=at, holidays=OnHoliday.SKIP)
    assert site.row_on(anchor, christmas).status == "cancelled"
    site.edit(row, status="scheduled")
    site.edit(anchor, topic="Decimals")

    site.run(as_of=at, holidays=OnHoliday.SKIP)

    assert site.occurrence(anchor, christmas)[3:5] == ("created", RESTORED)
    assert (site.row_on(anchor, christmas).status, site.row_on(anchor, christmas).topic) == (
        "scheduled", "Decimals")  # fmt: skip
    site.run(as_of=at)
    assert site.occurrence(anchor, christmas)[3:5] == ("created", None)


# People's later edits of the row


def test_a_row_restored_and_moved_keeps_its_occurrence(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.edit(row, session_date=date(2026, 12, 23))
    run_and_be_quiet(site)
    assert site.occurrence(anchor, THE_22ND).state == "created"

    widen(site, anchor)
    site.edit(anchor, topic="Decimals")
    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 23, 29)
    assert site.row_on(anchor, THE_22ND).topic == "Decimals"


def test_a_row_restored_past_its_date_and_moved_follows_the_next_change(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.edit(row, session_date=date(2027, 1, 4))
    later = NOON + timedelta(days=25)
    site.run(as_of=later, **HOW)
    site.edit(anchor, topic="Decimals")

    site.run(as_of=later, **HOW)

    assert site.row_on(anchor, THE_22ND).topic == "Decimals"


def test_a_row_restored_and_deleted_stays_away(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.run(**HOW)
    site.delete(row)
    run_and_be_quiet(site)
    assert site.occurrence(anchor, THE_22ND).state == "deleted"

    widen(site, anchor)
    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 29)


def test_a_restored_row_that_carries_a_rule_begins_a_series(site: Site) -> None:
    anchor, row = a_restored_row(site)
    site.run(**HOW)
    site.edit(row, is_recurring=True, session_frequency="weekly", recurring_pattern=None)

    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 22, 29)
    assert (site.series(anchor).continued_by, site.series(row).state) == (row, "active")


@pytest.mark.parametrize("wanted_again", [True, False])
def test_a_restored_row_is_not_doubled_by_a_worker_that_lost_its_schema(
    site: Site,
    wanted_again: bool,  # noqa: FBT001
) -> None:
    anchor, row = a_restored_row(site)
    site.run(**HOW)
    if wanted_again:
        widen(site, anchor)
    site.sql("DROP SCHEMA session_worker CASCADE")
    upgrade(site.conn)

    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 22)  # who cancelled the 29th is unknown
    found = site.occurrence(anchor, THE_22ND)
    assert (found and (found.state, found.session_id)) == (
        ("created", row) if wanted_again else None)  # fmt: skip


def test_a_date_of_a_restored_row_is_not_given_to_another_that_stands_there(site: Site) -> None:
    """A person entered the lesson anew and then restored the old row too: both rows are the
    person's."""
    anchor, row = a_restored_row(site)
    site.edit(row, status="cancelled")
    by_hand = a_session(site.conn, session_date=THE_22ND, **site.pair(anchor))
    site.edit(row, status="scheduled")

    widen(site, anchor)
    run_and_be_quiet(site)

    assert site.live(anchor) == dec(8, 15, 22, 22, 29)
    assert site.occurrence(anchor, THE_22ND).session_id == row
    assert site.sql("SELECT status FROM tutor_sessions WHERE id = :i", i=by_hand).scalar() == (
        "scheduled")  # fmt: skip
