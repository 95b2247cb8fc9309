"""scheduler/doctor/sessions.py: resting series, mass deletions, duplicates."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import Connection

from models.catalog import read_catalog
from scheduler.doctor import Finding, Severity, examine_database
from scheduler.expansion.admin.audit import audit
from scheduler.expansion.admin.backfill import Extent, begin_backfill, stop_backfill
from scheduler.expansion.admin.series import end_series, list_series
from scheduler.ledger.story import explain
from scheduler.settings import Settings
from tests.builders import a_session, a_student, a_tutor, an_absence, an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site
from tests.servers import shared_engine_on

SETTINGS = Settings(_env_file=None, expand_days=28)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def found(site: Site, code: str) -> list[Finding]:
    site.conn.commit()
    seen = examine_database(site.conn, SETTINGS, NOON)
    site.conn.rollback()
    assert "check_failed" not in {one.code for one in seen}, seen
    return [one for one in seen if one.code == code]


def test_paused_and_ended_series_are_counted_with_their_reasons(site: Site) -> None:
    paused, ended = an_anchor(site.conn), an_anchor(site.conn)
    site.run()
    assert found(site, "series_paused") == found(site, "series_ended") == []
    tutor = site.pair(paused)["tutor_id"]
    site.sql("UPDATE tutor_profiles SET is_active = false WHERE id = :id", id=tutor)
    end_series(site.engine, SETTINGS, NOON, ended)
    site.run()

    (rests,), (over,) = found(site, "series_paused"), found(site, "series_ended")

    assert "tutor_inactive" in rests.detail
    assert str(paused) in rests.detail
    assert "ended_by_admin" in over.detail
    assert "reopen" in over.cure


def test_a_stopped_backfill_waits_for_an_admin(site: Site) -> None:
    an_anchor(site.conn)
    site.conn.commit()
    number = begin_backfill(site.conn, Extent(date(2026, 1, 1), date(2026, 1, 31)))
    stop_backfill(site.conn, number)

    (finding,) = found(site, "backfill_stopped")

    assert finding.severity is Severity.ERROR
    assert f"--resume {number}" in finding.cure


def test_many_deleted_dates_are_told_and_a_few_are_not(site: Site) -> None:
    anchors = [an_anchor(site.conn) for _ in range(6)]
    site.run()
    site.sql("DELETE FROM tutor_sessions WHERE NOT is_recurring AND id % 20 = 0")
    site.run()
    assert found(site, "many_deleted") == []

    site.sql("DELETE FROM tutor_sessions WHERE NOT is_recurring")
    site.run()

    (finding,) = found(site, "many_deleted")
    assert f"{len(anchors)} rules" in finding.detail
    assert "--refill-deleted" in finding.cure


def test_two_live_sessions_of_one_pair_at_one_start_are_named(site: Site) -> None:
    first = a_session(site.conn, session_date=date(2026, 12, 8))
    second = a_session(site.conn, **site.pair(first), session_date=date(2026, 12, 8))
    a_session(site.conn, **site.pair(first), session_date=date(2026, 12, 9), status="cancelled")
    a_session(site.conn, **site.pair(first), session_date=date(2026, 12, 9))

    (finding,) = found(site, "doubled_sessions")

    assert f"{first} and {second}" in finding.detail
    assert finding.detail.startswith("1 pair ")


@pytest.mark.parametrize("column", ["subject", "mode", "location", "meeting_link"])
def test_a_group_whose_sessions_differ_is_named(site: Site, column: str) -> None:
    tutor = a_tutor(site.conn)
    day = date(2026, 12, 8)
    ids = [
        a_session(site.conn, tutor_id=tutor, student_id=a_student(site.conn), session_date=day)
        for _ in range(3)
    ]
    assert found(site, "group_differs") == []

    site.edit(ids[1], **{column: "other"})

    (finding,) = found(site, "group_differs")
    assert ", ".join(map(str, ids)) in finding.detail


def test_lessons_one_after_the_other_are_no_group(site: Site) -> None:
    tutor, day = a_tutor(site.conn), date(2026, 12, 8)
    a_session(site.conn, tutor_id=tutor, session_date=day)
    a_session(
        site.conn, tutor_id=tutor, session_date=day, subject="Physics",
        start_time=time(15), end_time=time(16),
    )  # fmt: skip

    assert found(site, "group_differs") == []


def test_an_expansion_that_never_succeeded_while_ticks_go_on_is_an_error(site: Site) -> None:
    site.sql(
        "UPDATE session_worker.installation SET first_tick_at = :at",
        at=NOON - timedelta(minutes=11),
    )
    site.sql("INSERT INTO session_worker.heartbeat (name, beat_at) VALUES ('tick', :at)", at=NOON)

    (finding,) = found(site, "never_expanded")

    assert finding.severity is Severity.ERROR
    site.sql("INSERT INTO session_worker.heartbeat (name, beat_at) VALUES ('expand', :at)", at=NOON)
    assert found(site, "never_expanded") == []


def test_rows_that_could_not_follow_are_shown_by_every_command(site: Site) -> None:
    """14:00 moved onto 15:00, whose student stays: the same student cannot be in both."""
    anchor = an_anchor(site.conn)
    student = site.pair(anchor)["student_id"]
    other = an_anchor(site.conn, student_id=student, start_time=time(15), end_time=time(16, 30))
    site.run()
    assert found(site, "could_not_follow") == []
    row = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(anchor, start_time=time(15), end_time=time(16))
    site.run()
    assert site.row_on(anchor, date(2026, 12, 8)).start_time == time(14)

    (finding,) = found(site, "could_not_follow")
    lines = {one.session_id: one.could_not_follow for one in list_series(site.conn, NOON.date())}
    audited = [one for one in audit(site.engine, SETTINGS, NOON) if one.code == finding.code]

    assert finding.severity is Severity.ERROR
    assert f"sessions {row}" in finding.detail
    assert lines == {anchor: 4, other: 0}
    assert next(one.session_id for one in audited) == row
    assert {one.severity for one in audited} == {Severity.WARNING}
    assert told_behind(site, row) == [
        "the session's row could not follow a change of its rule, and is as before:"
        f" conflict with session {site.row_on(other, date(2026, 12, 8)).id}"
    ]
    assert told_behind(site, anchor) == []


def told_behind(site: Site, session: int) -> list[str]:
    """`explain`'s words about a row that could not follow; each of its people is told the same."""
    explanation = explain(
        site.conn, read_catalog(site.conn), SETTINGS, NOON, session, lambda _: None
    )
    site.conn.rollback()
    words = [
        [event.detail for event in each.story if event.what == "behind"]
        for each in explanation.people
    ]
    assert len(words) == 2
    assert words[0] == words[1]
    return words[0]


def test_sessions_on_days_of_an_absence_that_are_left_to_people_are_named(site: Site) -> None:
    anchor = an_anchor(site.conn)
    alone = a_session(site.conn, **site.pair(anchor), session_date=date(2026, 12, 9))
    site.run()
    placed = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(placed, start_time=time(9), end_time=time(10))
    absence = an_absence(site.conn, date(2026, 12, 8), date(2026, 12, 20))
    site.run()

    (finding,) = found(site, "in_an_absence")

    assert finding.severity is Severity.WARNING
    assert finding.detail.endswith(f": sessions {placed}, {alone}")
    site.sql("UPDATE session_worker.absence SET withdrawn_at = now() WHERE id = :id", id=absence)
    assert found(site, "in_an_absence") == []
