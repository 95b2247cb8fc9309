"""The weekly digest: when it is made, and whom and what it names."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from models.catalog import read_catalog, with_taken_ids
from scheduler.alerts.admin_messages import make_digest
from scheduler.reminders.progress import note_tick
from scheduler.settings import load_settings
from tasks.alerts.letters import digest_letter
from tasks.alerts.unreached import Week, coming_week
from tasks.channels.configured import channels_of
from tests.builders import a_parent, a_session, a_student, a_tutor, a_user

ADDIS = ZoneInfo("Africa/Addis_Ababa")
MONDAY = datetime(2026, 11, 30, 7, 0, tzinfo=ADDIS)
MINUTE = timedelta(minutes=1)
ON = {"notification_enabled": True, "alarm_enabled": True}
MAIL = "mailto://mail.example/?from=worker@site.example&to={email}"


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    return rolled_back


def test_the_digest_is_made_once_on_monday_at_seven(conn: Connection) -> None:
    note_tick(conn, MONDAY - timedelta(days=9), MONDAY)

    for at in (MONDAY - MINUTE, MONDAY, MONDAY + MINUTE, MONDAY + timedelta(hours=25)):
        make_digest(conn, at, ADDIS)

    occasions = conn.scalars(text("SELECT occasion FROM session_worker.admin_message")).all()
    assert occasions == ["digest 2026-11-30"]


def test_an_installation_of_monday_noon_has_no_digest_that_day(conn: Connection) -> None:
    note_tick(conn, MONDAY + timedelta(hours=5), MONDAY)

    make_digest(conn, MONDAY + timedelta(hours=6), ADDIS)

    assert not conn.scalar(text("SELECT count(*) FROM session_worker.admin_message"))


def week_of(conn: Connection, **changes: Any) -> Week:
    settings = load_settings(_env_file=None, channel_email=MAIL, **changes)
    catalog = with_taken_ids(conn, read_catalog(conn))
    return coming_week(conn, catalog, settings, channels_of(settings), MONDAY)


def digest(conn: Connection, **changes: Any) -> str:
    letter = digest_letter(week_of(conn, **changes), ADDIS)
    return "" if letter is None else f"{letter.title}\n{letter.text}"


def test_the_digest_names_who_has_sessions_and_no_way_to_them(conn: Connection) -> None:
    silent = a_tutor(conn, first_name="Hana", father_name="Girma", email="")
    student = a_student(conn)
    for day in (1, 3):
        a_session(conn, tutor_id=silent, student_id=student, session_date=date(2026, 12, day), **ON)
    a_session(conn, session_date=date(2026, 12, 2), **ON)

    words = digest(conn)

    assert words.startswith("Session worker, this week: 1 person cannot be reached\n")
    assert "- Hana Girma (user:" in words
    assert (
        ", tutor): 2 sessions, the first Tue 2026-12-01 14:00: the person has no address" in words
    )
    assert "Each of 3 coming sessions tells somebody." in words


def test_the_digest_counts_sessions_that_tell_nobody(conn: Connection) -> None:
    a_session(conn, **ON)
    a_session(conn, start_time="16:00")
    lost = {"tutor_id": a_tutor(conn, email=""), "student_id": a_student(conn, email=" ")}
    a_session(conn, start_time="17:00", **lost, **ON)
    a_session(conn, session_date=date(2026, 12, 8))  # beyond the week

    week = week_of(conn)

    assert (week.silence.sessions, week.silence.silent, week.silence.switched_off) == (3, 2, 1)
    assert len(week.people) == 2
    assert "2 of 3 coming sessions tell nobody; of 1 of them reminders and alarms" in digest(conn)


def test_a_person_who_muted_everything_is_not_named_but_their_session_counts(
    conn: Connection,
) -> None:
    users = [a_user(conn), a_user(conn)]
    for user in users:
        conn.execute(text("INSERT INTO session_worker.preference (person_id, muted)"
                          " VALUES (:user, true)"), {"user": user})  # fmt: skip
    tutor, student = a_tutor(conn, user_id=users[0]), a_student(conn, user_id=users[1])
    a_session(conn, tutor_id=tutor, student_id=student, **ON)

    week = week_of(conn)

    assert (week.people, week.silence.silent) == ([], 1)


def test_a_parent_who_is_alarmed_and_has_no_address_is_named(conn: Connection) -> None:
    parent = a_parent(conn, email="", first_name="Tigist")
    a_session(conn, student_id=a_student(conn, parent_id=[parent]), **ON)

    assert week_of(conn).people == []
    [found] = week_of(conn, alarm_recipients="student,parent").people
    assert (found.role, found.name) == ("parent", "Tigist Kebede")


def test_where_all_is_well_there_is_nothing_to_say(conn: Connection) -> None:
    a_session(conn, **ON)

    assert digest(conn) == ""
