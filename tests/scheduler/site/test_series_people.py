"""Enrolment of a pair, and the people that pause a series."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from scheduler.doctor import Finding, examine_database
from scheduler.settings import load_settings
from tests.builders import a_student, a_tutor, a_user, an_anchor, an_enrolment
from tests.scheduler.expansion.expanded_site import NOON, Site
from tests.servers import shared_engine_on


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def enrolled_pairs(site: Site, count: int) -> list[int]:
    """The enrolments of so many pairs, each with a weekly rule that is expanded."""
    found = []
    for _ in range(count):
        tutor, student = a_tutor(site.conn), a_student(site.conn)
        found.append(an_enrolment(site.conn, tutor_id=tutor, student_profile_id=student))
        an_anchor(site.conn, tutor_id=tutor, student_id=student)
    site.run()
    return found


def remove(site: Site, enrolments: list[int]) -> None:
    site.sql("DELETE FROM tutor_students WHERE id = ANY(:ids)", ids=enrolments)


def doctors(site: Site) -> list[Finding]:
    site.conn.commit()
    found = examine_database(site.conn, load_settings(_env_file=None), NOON)
    return [each for each in found if each.code == "enrolments_lost"]


def test_a_parents_enrolment_is_not_the_enrolment_of_the_student_with_that_number(
    site: Site,
) -> None:
    tutor, student = a_tutor(site.conn), a_student(site.conn)
    an_enrolment(site.conn, tutor_id=tutor, student_profile_id=student, requester_type="parent")
    an_anchor(site.conn, tutor_id=tutor, student_id=student)

    assert [each.code for each in site.run().findings] == ["not_enrolled"]


@pytest.mark.parametrize(
    ("table", "column", "gone", "reason"),
    [
        ("student_profiles", "is_active boolean", "is_active = false", "student_inactive"),
        ("student_profiles", "scheduled_deletion_at timestamptz",
         "scheduled_deletion_at = '2027-03-01'", "student_inactive"),
        ("users", "is_suspended boolean", "is_suspended = true", "tutor_suspended"),
    ],
)  # fmt: skip
def test_the_newest_sites_switches_pause_a_series_where_they_are(
    site: Site, table: str, column: str, gone: str, reason: str
) -> None:
    site.sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    anchor = an_anchor(site.conn)
    site.run()
    site.sql(f"UPDATE {table} SET {gone}")
    site.run()

    assert (site.series(anchor).state, site.series(anchor).reason) == ("paused", reason)


@pytest.mark.parametrize("lost", ["DELETE FROM", "DROP TABLE"])
def test_enrolments_that_are_all_gone_pause_nobody_and_are_said(site: Site, lost: str) -> None:
    enrolled_pairs(site, 2)
    assert doctors(site) == []
    site.sql("ALTER TABLE whiteboard_sessions DROP CONSTRAINT whiteboard_sessions_booking_id_fkey")
    site.sql(f"{lost} tutor_students")

    report = site.run(as_of=NOON + timedelta(days=7))

    assert (report.series["active"], report.series["paused"]) == (2, 0)
    assert [each.severity for each in doctors(site)] == ["error"]


def test_many_enrolments_gone_at_once_pause_nobody_and_are_said(site: Site) -> None:
    enrolments = enrolled_pairs(site, 8)
    remove(site, enrolments[:5])

    assert site.run().series["paused"] == 0
    (said,) = doctors(site)
    assert said.detail.startswith("5 of 8 enrolments")


def test_a_few_enrolments_that_end_pause_their_series(site: Site) -> None:
    enrolments = enrolled_pairs(site, 8)
    remove(site, enrolments[:2])

    assert site.run().series["paused"] == 2
    assert doctors(site) == []


def test_a_series_that_paused_before_the_enrolments_were_lost_stays_paused(site: Site) -> None:
    enrolments = enrolled_pairs(site, 3)
    remove(site, enrolments[:1])
    site.run()
    remove(site, enrolments[1:])

    report = site.run(as_of=NOON + timedelta(days=7))

    assert (report.series["active"], report.series["paused"]) == (2, 1)


def test_a_site_where_nobody_was_ever_enrolled_has_lost_nothing(site: Site) -> None:
    an_anchor(site.conn)
    site.run()
    site.sql("DROP TABLE tutor_students CASCADE")

    assert site.run().series["active"] == 1
    assert doctors(site) == []


def with_user_ids(site: Site) -> None:
    site.sql("UPDATE session_worker.installation SET tutor_ids = 'user', tutor_ids_why = 'said'")


@pytest.mark.parametrize("suspended", [(False, True), (True, False)])
def test_a_user_with_two_tutor_profiles_is_one_tutor_and_the_good_profile_counts(
    site: Site, suspended: tuple[bool, bool]
) -> None:
    with_user_ids(site)
    user = a_user(site.conn, id=501)
    profiles = [a_tutor(site.conn, user_id=user, is_suspended=each) for each in suspended]
    student = a_student(site.conn)
    an_enrolment(site.conn, tutor_id=profiles[1], student_profile_id=student)
    an_anchor(site.conn, tutor_id=user, student_id=student)

    report = site.run()

    assert (report.series["active"], report.rows.inserted) == (1, 4)
    assert report.findings == ()


def test_a_user_all_of_whose_profiles_are_suspended_pauses_the_series(site: Site) -> None:
    with_user_ids(site)
    user = a_user(site.conn, id=501)
    for _ in range(2):
        a_tutor(site.conn, user_id=user, is_suspended=True)
    an_anchor(site.conn, tutor_id=user)

    assert site.run().series["paused"] == 1


def test_while_nobody_can_tell_whose_ids_they_are_no_series_pauses(site: Site) -> None:
    anchor = an_anchor(site.conn, tutor_id=a_tutor(site.conn, is_suspended=True))
    site.sql("UPDATE session_worker.installation SET ids_doubt = 'whose ids?'")

    assert site.run().series["active"] == 1

    site.sql("UPDATE session_worker.installation SET ids_doubt = NULL")
    site.run()
    assert site.series(anchor).reason == "tutor_suspended"
