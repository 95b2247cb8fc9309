"""Recipients and channels of a message, and reasons for having none (promise 6)."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor, a_user, an_enrolment, insert_row
from tests.sinks.http import HttpSink
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay

TUTOR = "tutor@tutoring.example"
STUDENT = "student@tutoring.example"
STRANGER = "stranger@tutoring.example"


def outcome(day: LessonDay, lead: int = 60) -> tuple[str, str | None]:
    found = day.conn.execute(
        text("SELECT state, reason FROM session_worker.delivery WHERE lead_minutes = :lead"),
        {"lead": lead},
    ).one()
    day.conn.commit()
    return found.state, found.reason


def wish(conn: Connection, person_id: int, **columns: Any) -> None:
    names = ", ".join(["person_id", *columns])
    values = ", ".join(f":{name}" for name in ["person_id", *columns])
    conn.execute(
        text(f"INSERT INTO session_worker.preference ({names}) VALUES ({values})"),
        {"person_id": person_id, **columns},
    )


@pytest.fixture
def tutor(conn: Connection) -> int:
    """The user of the tutor of a session with a reminder."""
    user = a_user(conn, email=TUTOR)
    a_session(conn, tutor_id=a_tutor(conn, user_id=user), notification_enabled=True)
    return user


BARS = {
    "inactive": "UPDATE users SET is_active = false",
    "suspended": "UPDATE tutor_profiles SET is_suspended = true",
    "no_address": "UPDATE users SET email = NULL",
    "bad_email": "UPDATE users SET email = 'nonsense ' || id",
}


@pytest.mark.parametrize("reason", BARS)
def test_a_person_without_a_way_is_unreachable_with_the_reason(
    day: LessonDay, tutor: int, reason: str
) -> None:
    day.write(BARS[reason])
    report = day.at("13:00")

    assert outcome(day) == ("unreachable", reason)
    assert report.unreachable == 1
    assert day.sink.mails == []


def test_an_inactive_profile_is_inactive(day: LessonDay, tutor: int) -> None:
    day.write("UPDATE tutor_profiles SET is_active = false")
    day.at("13:00")

    assert outcome(day) == ("unreachable", "inactive")


def test_a_null_flag_makes_nobody_unreachable(day: LessonDay, tutor: int) -> None:
    day.write("UPDATE users SET is_active = NULL")
    day.write("UPDATE tutor_profiles SET is_active = NULL, is_suspended = NULL")
    day.at("13:00")

    assert outcome(day) == ("sent", None)


def test_a_suspended_tutor_does_not_silence_the_student(day: LessonDay, conn: Connection) -> None:
    student = a_student(conn, email=STUDENT)
    a_session(conn, tutor_id=a_tutor(conn, is_suspended=True), student_id=student,
              notification_enabled=True, alarm_enabled=True)  # fmt: skip
    day.at("13:45")

    assert outcome(day) == ("unreachable", "suspended")
    assert len(day.mails_to(STUDENT)) == 1


def test_a_muted_person_gets_nothing(day: LessonDay, conn: Connection, tutor: int) -> None:
    wish(conn, tutor, muted=True)
    day.at("13:00")

    assert outcome(day) == ("unreachable", "muted")


def test_a_kind_can_be_muted_and_another_not(day: LessonDay, conn: Connection, tutor: int) -> None:
    wish(conn, tutor, muted=True)
    wish(conn, tutor, kind="reminder", muted=False)
    day.at("13:00")

    assert outcome(day) == ("sent", None)


def test_a_student_is_reached_by_what_the_enrolment_says(day: LessonDay, conn: Connection) -> None:
    tutor, student = a_tutor(conn), a_student(conn, email=None)
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student, contact_email=STUDENT)
    a_session(conn, tutor_id=tutor, student_id=student, alarm_enabled=True)
    day.at("13:45")

    assert len(day.mails_to(STUDENT)) == 1


def test_the_ledger_notes_where_an_address_came_from(day: LessonDay, conn: Connection) -> None:
    tutor, student = a_tutor(conn, email=TUTOR), a_student(conn, email=" ")
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student, contact_email=STUDENT)
    a_session(conn, tutor_id=tutor, student_id=student, alarm_enabled=True,
              notification_enabled=True)  # fmt: skip
    day.at("13:45")

    sources = conn.execute(text("SELECT role, source FROM session_worker.delivery"
                                " WHERE state = 'sent'")).all()  # fmt: skip
    assert sorted(sources) == [("student", "enrolment"), ("tutor", "user")]


def test_a_student_without_a_user_is_reached_and_named_by_the_enrolment(
    day: LessonDay, conn: Connection
) -> None:
    tutor = a_tutor(conn, email=TUTOR)
    user = a_user(conn)
    student = a_student(conn, user_id=user, username=None)
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student, contact_email=STUDENT,
                 student_name="Hana Girma")  # fmt: skip
    a_session(conn, tutor_id=tutor, student_id=student, notification_enabled=True,
              alarm_enabled=True)  # fmt: skip
    day.write("ALTER TABLE student_profiles DROP CONSTRAINT student_profiles_user_id_fkey")
    day.write("DELETE FROM users WHERE id = :id", id=user)
    day.at("13:45")

    assert "Hana Girma" in day.mails_to(TUTOR)[0].text
    assert len(day.mails_to(STUDENT)) == 1


@pytest.mark.parametrize("requester", ["parent", "Parent", " PARENT "])
def test_a_parents_enrolment_is_no_address_and_no_name_of_the_student_with_that_number(
    day: LessonDay, conn: Connection, requester: str
) -> None:
    tutor, student = a_tutor(conn, email=TUTOR), a_student(conn, email=None)
    day.write("UPDATE users SET first_name = NULL, father_name = NULL")
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student, requester_type=requester,
                 contact_email=STRANGER, student_name="Another Child")  # fmt: skip
    a_session(conn, tutor_id=tutor, student_id=student, notification_enabled=True,
              alarm_enabled=True)  # fmt: skip
    day.at("13:45")

    assert day.mails_to(STRANGER) == []
    assert outcome(day, lead=15) == ("unreachable", "no_address")
    assert "Another Child" not in day.mails_to(TUTOR)[0].text


GONE = [
    ("student_profiles", "is_active boolean", "is_active = false", "inactive"),
    ("student_profiles", "scheduled_deletion_at timestamp",
     "scheduled_deletion_at = '2027-03-01'", "inactive"),
    ("users", "is_suspended boolean", "is_suspended = true", "account_suspended"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "gone", "reason"), GONE)
def test_the_newest_sites_switches_of_a_student_count_where_they_are(
    day: LessonDay, conn: Connection, table: str, column: str, gone: str, reason: str
) -> None:
    day.write(f"ALTER TABLE {table} ADD COLUMN {column}")
    a_session(conn, student_id=a_student(conn, email=STUDENT), alarm_enabled=True)
    day.write(f"UPDATE {table} SET {gone}")
    day.at("13:45")

    assert outcome(day, lead=15) == ("unreachable", reason)


def test_a_null_switch_of_the_newest_site_makes_nobody_unreachable(
    day: LessonDay, conn: Connection
) -> None:
    for table, column, _, _ in GONE:
        day.write(f"ALTER TABLE {table} ADD COLUMN {column}")
    a_session(conn, student_id=a_student(conn, email=STUDENT), alarm_enabled=True)
    day.at("13:45")

    assert len(day.mails_to(STUDENT)) == 1


def test_the_address_is_the_one_at_the_moment_of_sending(day: LessonDay, tutor: int) -> None:
    day.at("12:59:30")
    day.write("UPDATE users SET email = 'new@tutoring.example' WHERE id = :id", id=tutor)
    day.at("13:00")

    assert len(day.mails_to("new@tutoring.example")) == 1


def test_the_channels_that_a_person_wishes_go_first(
    make_day: MakeDay, conn: Connection, tutor: int, http_sink: HttpSink
) -> None:
    day = make_day(channel_webhook=f"json://{http_sink.host}:{http_sink.port}/")
    wish(conn, tutor, channels=["WEBHOOK", "email"])
    day.at("13:00")

    assert len(http_sink.requests) == 1
    assert day.sink.mails == []


def test_a_wish_for_channels_that_are_not_there_is_no_wish(
    day: LessonDay, conn: Connection, tutor: int
) -> None:
    wish(conn, tutor, channels=["pigeon", "sms"])
    day.at("13:00")

    assert len(day.mails_to(TUTOR)) == 1


def test_wishes_that_cannot_be_read_fall_back(day: LessonDay, conn: Connection, tutor: int) -> None:
    wish(conn, tutor, language="tlh", zone="Middle/Earth", channels=[], quiet_from="22:00")
    day.at("13:00")

    (mail,) = day.mails_to(TUTOR)
    assert "14:00" in mail.text


def test_a_person_reads_in_their_own_language_and_zone(
    day: LessonDay, conn: Connection, tutor: int
) -> None:
    wish(conn, tutor, language="am", zone="Europe/Berlin")
    day.at("13:00")

    (mail,) = day.mails_to(TUTOR)
    assert any("\u1200" <= sign <= "\u137f" for sign in mail.text)


def test_without_a_channel_everybody_is_unreachable(make_day: MakeDay, tutor: int) -> None:
    day = make_day(channel_email="")
    day.at("13:00")

    assert outcome(day) == ("unreachable", "no_channel")


def test_with_the_log_as_outbox_nothing_leaves(make_day: MakeDay, tutor: int) -> None:
    day = make_day(outbox="log")
    report = day.at("13:00")

    assert report.sent == 1
    assert day.sink.mails == []
    found = day.conn.execute(
        text("SELECT channel, outbox FROM session_worker.delivery WHERE state = 'sent'")
    ).all()
    assert found == [("log", "log")]


def test_with_the_log_as_outbox_a_group_is_one_message_too(
    make_day: MakeDay, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    tutor = a_tutor(conn)
    for name in ("Dawit", "Sara"):
        a_session(conn, tutor_id=tutor, student_id=a_student(conn, first_name=name),
                  notification_enabled=True)  # fmt: skip
    day = make_day(outbox="log")
    with caplog.at_level("INFO", "tasks.delivery"):
        report = day.at("13:00")

    keys = day.read("SELECT DISTINCT message_key FROM session_worker.attempt")
    assert (report.sent, len(keys)) == (2, 1)
    (line,) = [line for line in caplog.messages if line.startswith("reminder to tutor")]
    assert "begin" in line


def test_with_the_log_as_outbox_no_channel_is_needed_but_an_address(
    make_day: MakeDay, conn: Connection, tutor: int
) -> None:
    a_session(conn, student_id=a_student(conn, email=None), alarm_enabled=True)
    day = make_day(outbox="log", channel_email="")
    day.at("13:45")

    assert outcome(day) == ("sent", None)
    assert outcome(day, lead=15) == ("unreachable", "no_address")


def test_a_redirected_message_goes_to_the_one_address(make_day: MakeDay, tutor: int) -> None:
    day = make_day(outbox="redirect:all@tutoring.example")
    day.at("13:00")

    assert len(day.mails_to("all@tutoring.example")) == 1
    assert day.mails_to(TUTOR) == []


def test_the_whiteboard_of_a_session_is_named(day: LessonDay, conn: Connection) -> None:
    tutor, student = a_tutor(conn, email=TUTOR), a_student(conn)
    enrolment = an_enrolment(conn, tutor_id=tutor, student_profile_id=student)
    a_session(conn, tutor_id=tutor, student_id=student, notification_enabled=True)
    insert_row(conn, "whiteboard_sessions", {
        "booking_id": enrolment, "session_name": "Fractions on the board",
        "session_date": "2026-12-01", "start_time": "14:00", "end_time": "15:00",
    })  # fmt: skip
    day.at("13:00")

    assert "Fractions on the board" in day.mails_to(TUTOR)[0].text
