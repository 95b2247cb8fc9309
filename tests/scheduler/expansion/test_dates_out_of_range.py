"""A session with a year out of range affects no other session, and is reported."""

from datetime import date

import pytest
from sqlalchemy import Connection

from scheduler.doctor import examine_database
from scheduler.expansion.admin.audit import audit
from scheduler.finding import Finding
from scheduler.settings import Settings
from tests.builders import a_session, an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site, dec
from tests.servers import shared_engine_on
from tests.steps import steps


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


YEARS = ["300000-12-08", "294277-01-01", "0026-12-08", "0044-03-15 BC", "infinity", "-infinity"]


@pytest.mark.parametrize("day", YEARS)
def test_a_generated_row_moved_beyond_the_calendar_stops_no_series(site: Site, day: str) -> None:
    moved, other = an_anchor(site.conn), an_anchor(site.conn, start_time="16:00")
    site.run()
    row = site.row_on(moved, date(2026, 12, 8)).id
    site.sql("UPDATE tutor_sessions SET session_date = CAST(:day AS date) WHERE id = :id",
             day=day, id=row)  # fmt: skip
    site.edit(moved, start_time="15:00")
    site.edit(other, start_time="17:00")

    report = site.run()

    assert report.failed == ()
    assert site.row_on(other, date(2026, 12, 8)).start_time.hour == 17
    faults = [
        one for one in audit(site.engine, Settings(expand_days=28), NOON) if one.severity != "note"
    ]
    assert faults == []
    (finding,) = [one for one in doctor(site) if one.code == "date_out_of_range"]
    assert str(row) in finding.detail


def test_rules_of_a_year_long_past_are_findings_and_cost_nothing(site: Site) -> None:
    odd = [
        an_anchor(
            site.conn,
            session_date=date(26, 12, 1),
            session_frequency="daily",
            recurring_pattern={"count": 10**9},
        )
        for _ in range(8)
    ]
    fine = an_anchor(site.conn)

    taken = steps(lambda: site.run())

    assert taken < 1_000_000
    assert site.live(fine) == dec(8, 15, 22, 29)
    report = site.run()
    found = {one.session_id: one.detail for one in report.findings if one.session_id in odd}
    assert found == dict.fromkeys(odd, "out of range: 1970-01-01 to 2079-12-31")


def test_a_one_time_session_beyond_the_calendar_is_named_by_the_doctor(site: Site) -> None:
    lost = a_session(site.conn)
    site.sql("UPDATE tutor_sessions SET session_date = '300000-01-01' WHERE id = :id", id=lost)

    (finding,) = [one for one in doctor(site) if one.code == "date_out_of_range"]

    assert str(lost) in finding.detail


def doctor(site: Site) -> list[Finding]:
    site.conn.commit()
    found = list(examine_database(site.conn, Settings(expand_days=28), NOON))
    site.conn.rollback()
    return found


def test_many_old_rows_with_a_weekly_rule_are_counted_and_a_few_named(site: Site) -> None:
    first = a_session(site.conn)
    site.sql(
        """INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time,
                  mode, status, session_frequency, is_recurring)
           SELECT tutor_id, student_id, subject, date '2020-01-01' + n % 2000, start_time,
                  mode, 'completed', 'Weekly', false
             FROM tutor_sessions, generate_series(1, 3000) n WHERE id = :id""", id=first,
    )  # fmt: skip

    report = site.run()

    found = [one for one in report.findings if one.code == "rule_switched_off"]
    assert len(found) == 20
    assert [one.detail for one in found[:19]] == ["Weekly"] * 19
    assert found[-1].detail == "Weekly; and 2,980 more rows like these"
    assert site.run().findings == report.findings
