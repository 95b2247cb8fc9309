"""The design's table "Who gets what, and when", row by row, with rounds at the moments it names.

Session at 14:00 in Addis Ababa, reminders at 24 h and 1 h to the tutor, alarm at 15 minutes to the
student.
"""

from dataclasses import dataclass
from datetime import time

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor
from tests.tasks.delivery.lesson_day import ON, LessonDay

TUTOR = "tutor@tutoring.example"
STUDENT = "student@tutoring.example"


@dataclass(frozen=True, slots=True)
class Pair:
    tutor_id: int
    student_id: int
    session_id: int


@pytest.fixture
def pair(conn: Connection) -> Pair:
    tutor = a_tutor(conn, email=TUTOR, first_name="Almaz", father_name="Bekele")
    student = a_student(conn, email=STUDENT, first_name="Dawit", father_name="Tesfaye")
    return Pair(tutor, student, a_session(conn, tutor_id=tutor, student_id=student, **ON))


def move(day: LessonDay, pair: Pair, to: str) -> None:
    day.write(
        "UPDATE tutor_sessions SET start_time = CAST(:start AS time), end_time = NULL"
        " WHERE id = :id", start=to, id=pair.session_id,
    )  # fmt: skip


def test_the_tutor_is_reminded_at_24_hours_and_at_one_and_the_student_alarmed_at_15_minutes(
    day: LessonDay, pair: Pair
) -> None:
    told = []
    for clock, days in [
        ("13:59", -1), ("14:00", -1), ("12:59", 0), ("13:00", 0), ("13:44", 0), ("13:45", 0),
        ("14:00", 0),
    ]:  # fmt: skip
        day.at(clock, days)
        told.append((len(day.mails_to(TUTOR)), len(day.mails_to(STUDENT))))

    assert told == [(0, 0), (1, 0), (1, 0), (2, 0), (2, 0), (2, 1), (2, 1)]


def test_down_until_9_the_tutor_is_reminded_then_and_at_13(day: LessonDay, pair: Pair) -> None:
    day.at("09:00")
    day.at("13:00")

    first, second = day.mails_to(TUTOR)
    assert "begins" in first.subject
    assert "begins in 1 hour" in second.subject


def test_down_until_1320_the_tutor_is_reminded_once(day: LessonDay, pair: Pair) -> None:
    report = day.at("13:20")

    (mail,) = day.mails_to(TUTOR)
    assert "begins in 40 minutes" in mail.subject
    assert day.states("reminder") == {60: ("sent", None), 1440: ("obsolete", "nearer_lead")}
    assert (report.planned, report.sent, report.obsolete) == (2, 1, 1)


def test_down_until_1405_all_is_expired(day: LessonDay, pair: Pair) -> None:
    report = day.at("14:05")

    assert day.sink.mails == []
    expired = ("expired", "begun")
    assert day.states("reminder") == {60: expired, 1440: expired}
    assert day.states("alarm") == {15: expired}
    assert (report.planned, report.expired) == (3, 3)


def test_moved_at_12_to_16_a_reminded_person_gets_a_notice(day: LessonDay, pair: Pair) -> None:
    day.at("14:00", -1)
    move(day, pair, "16:00")
    day.at("12:00")

    _, notice = day.mails_to(TUTOR)
    assert "moved" in notice.text
    assert day.mails_to(STUDENT) == []


def test_moved_at_12_to_16_the_leads_of_the_new_time_follow(day: LessonDay, pair: Pair) -> None:
    day.at("14:00", -1)
    move(day, pair, "16:00")
    told = []
    for clock in ("12:00", "13:00", "13:45", "14:59", "15:00", "15:44", "15:45"):
        day.at(clock)
        told.append((len(day.mails_to(TUTOR)), len(day.mails_to(STUDENT))))

    assert told == [(2, 0), (2, 0), (2, 0), (2, 0), (3, 0), (3, 0), (3, 1)]
    assert day.states("reminder")[1440] == ("obsolete", "told_by_notice")


def test_moved_at_12_to_16_and_back_before_anybody_was_notified(day: LessonDay, pair: Pair) -> None:
    day.at("14:00", -1)
    move(day, pair, "16:00")
    move(day, pair, "14:00")
    for clock in ("12:30", "13:00", "13:45"):
        day.at(clock)

    assert len(day.mails_to(TUTOR)) == 2
    assert len(day.mails_to(STUDENT)) == 1


def test_moved_and_back_with_a_notice_of_each_the_old_leads_go_as_planned(
    day: LessonDay, pair: Pair
) -> None:
    day.at("14:00", -1)
    move(day, pair, "16:00")
    day.at("12:00")
    move(day, pair, "14:00")
    told = []
    for clock in ("12:30", "13:00", "13:45"):
        day.at(clock)
        told.append((len(day.mails_to(TUTOR)), len(day.mails_to(STUDENT))))

    assert told == [(3, 0), (4, 0), (4, 1)]


def test_a_planned_alarm_that_is_moved_and_moved_back_goes_at_its_time(
    day: LessonDay, pair: Pair
) -> None:
    day.at("13:44:30")
    assert day.states("alarm") == {15: ("planned", None)}
    move(day, pair, "16:00")
    day.at("13:44:40")
    assert day.states("alarm") == {15: ("obsolete", "moved")}
    move(day, pair, "14:00")
    day.at("13:45")

    assert day.states("alarm") == {15: ("sent", None)}
    assert len(day.mails_to(STUDENT)) == 1


def test_cancelled_at_1330_only_the_tutor_is_notified(day: LessonDay, pair: Pair) -> None:
    day.at("13:00")
    day.write("UPDATE tutor_sessions SET status = 'Canceled'")
    day.at("13:30")
    day.at("13:45")

    _, notice = day.mails_to(TUTOR)
    assert "cancelled" in notice.text
    assert day.mails_to(STUDENT) == []


def test_cancelled_with_the_alarm_planned_the_alarm_is_obsolete(day: LessonDay, pair: Pair) -> None:
    day.at("13:44:30")
    day.write("UPDATE tutor_sessions SET status = 'cancelled'")
    day.at("13:45")

    assert day.states("alarm") == {15: ("obsolete", "cancelled")}
    assert day.mails_to(STUDENT) == []


def test_a_row_entered_anew_is_the_same_session(
    day: LessonDay, pair: Pair, conn: Connection
) -> None:
    day.at("13:00")
    day.write("DELETE FROM tutor_sessions")
    anew = a_session(conn, tutor_id=pair.tutor_id, student_id=pair.student_id, **ON)
    day.at("13:10")
    day.at("13:45")

    assert anew != pair.session_id
    assert (len(day.mails_to(TUTOR)), len(day.mails_to(STUDENT))) == (1, 1)


def test_a_row_deleted_and_after_a_round_entered_anew_keeps_its_planned_alarm(
    day: LessonDay, pair: Pair, conn: Connection
) -> None:
    day.at("13:44:10")
    day.write("DELETE FROM tutor_sessions")
    day.at("13:44:20")
    assert day.states("alarm") == {15: ("obsolete", "deleted")}
    a_session(conn, tutor_id=pair.tutor_id, student_id=pair.student_id, **ON)
    day.at("13:45")

    assert day.states("alarm") == {15: ("sent", None)}
    assert len(day.mails_to(STUDENT)) == 1


def test_a_group_is_one_mail_to_the_tutor_and_an_alarm_to_each_student(
    day: LessonDay, pair: Pair, conn: Connection
) -> None:
    for name in ("Sara", "Yonas"):
        student = a_student(conn, first_name=name, email=f"{name}@tutoring.example".lower())
        a_session(conn, tutor_id=pair.tutor_id, student_id=student, **ON)
    day.at("13:00")
    day.at("13:45")

    (mail,) = day.mails_to(TUTOR)
    assert all(name in mail.text for name in ("Dawit", "Sara", "Yonas"))
    for address in (STUDENT, "sara@tutoring.example", "yonas@tutoring.example"):
        assert len(day.mails_to(address)) == 1


def test_without_e_mail_and_phone_a_person_is_unreachable(day: LessonDay, conn: Connection) -> None:
    a_session(conn, tutor_id=a_tutor(conn, email=None), start_time=time(14, 0), **ON)
    report = day.at("13:00")

    assert day.states("reminder")[60] == ("unreachable", "no_address")
    assert report.unreachable == 1
