"""Messages are compared with the person's last one, and show its values as the old ones."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import pytest
from icalendar import Calendar as CalendarFile
from sqlalchemy import Connection, text

from tests.builders import a_parent, a_session, a_student, a_tutor
from tests.sinks.smtp import Mail
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay

TUTOR, SECOND, STUDENT = (f"{name}@tutoring.example" for name in ("tutor", "second", "student"))
START, LATER = datetime(2026, 12, 1, 11, tzinfo=UTC), datetime(2026, 12, 1, 13, tzinfo=UTC)
BOTH = {"reminder_leads": "24h,1h", "reminder_recipients": "tutor,student"}


@pytest.fixture
def lesson(make_day: MakeDay, conn: Connection) -> LessonDay:
    """Tutor 1 and her student were notified at noon of the day before; tutor 2 is free."""
    tutor = a_tutor(conn, email=TUTOR, first_name="Hana", father_name="Alemu")
    second = a_tutor(conn, email=SECOND, first_name="Yonas", father_name="Tesfaye")
    student = a_student(conn, email=STUDENT, first_name="Sara", father_name="Bekele")
    a_session(conn, id=1, tutor_id=tutor, student_id=student, notification_enabled=True,
              topic="Fractions", meeting_link="https://meet.example.com/hana")  # fmt: skip
    assert (tutor, second, student) == (1, 2, 1)
    day = make_day(**BOTH)
    day.at("14:00", -1)
    return day


def ics(mail: Mail) -> Iterator[bytes]:
    """The mail's calendar files."""
    for part in message_from_bytes(mail.content).walk():
        if part.get_content_type() == "text/calendar":
            content: Any = part.get_payload(decode=True)
            yield content


Entries = dict[str, tuple[str, datetime]]


def calendar_of(mails: Sequence[Mail]) -> Entries:
    """The entries of a calendar that applies each file unless its SEQUENCE is older."""
    entries: dict[str, tuple[int, str, datetime]] = {}
    for mail in mails:
        for file in ics(mail):
            events: Any = CalendarFile.from_ical(file).walk("VEVENT")
            for event in events:
                uid, sequence = str(event["uid"]), int(event["sequence"])
                assert uid not in entries or sequence > entries[uid][0]
                entries[uid] = (sequence, str(event["status"]), event.start.astimezone(UTC))
    return {uid: (status, start) for uid, (_, status, start) in entries.items()}


UID = "session-1@session-worker.invalid"
TO_THE_SECOND = "UPDATE tutor_sessions SET tutor_id = 2"
TO_THE_FIRST = "UPDATE tutor_sessions SET tutor_id = 1"
CANCEL = "UPDATE tutor_sessions SET status = 'cancelled'"
RESTORE = "UPDATE tutor_sessions SET status = 'scheduled'"
MOVE = "UPDATE tutor_sessions SET start_time = '16:00', end_time = '17:00'"


def test_a_person_who_stays_is_notified_of_the_new_tutor_in_the_same_entry(
    lesson: LessonDay,
) -> None:
    lesson.write(TO_THE_SECOND)
    lesson.at("12:00")

    told = lesson.mails_to(STUDENT)
    assert [mail.subject for mail in told[1:]] == [
        "Mathematics, today at 14:00: the tutor is now Yonas Tesfaye"
    ]
    assert calendar_of(told) == {UID: ("CONFIRMED", START)}


def test_the_tutor_who_was_replaced_gets_a_cancellation(lesson: LessonDay) -> None:
    lesson.write(TO_THE_SECOND)
    lesson.at("12:00")

    told = lesson.mails_to(TUTOR)
    assert [mail.subject for mail in told[1:]] == [
        "Cancelled: Mathematics with Sara Bekele, today at 14:00"
    ]
    assert calendar_of(told) == {UID: ("CANCELLED", START)}


def test_the_new_tutor_is_reminded_in_time(lesson: LessonDay) -> None:
    lesson.write(TO_THE_SECOND)
    lesson.at("12:00")
    lesson.at("13:00")

    assert [mail.subject for mail in lesson.mails_to(SECOND)][-1] == (
        "Reminder: Mathematics with Sara Bekele begins in 1 hour, at 14:00"
    )


def test_a_tutor_replaced_and_put_back_leaves_the_lesson_standing(lesson: LessonDay) -> None:
    for clock, change in (("11:00", TO_THE_SECOND), ("11:30", TO_THE_FIRST)):
        lesson.write(change)
        lesson.at(clock)

    assert [mail.subject for mail in lesson.mails_to(STUDENT)[1:]] == [
        "Mathematics, today at 14:00: the tutor is now Yonas Tesfaye",
        "Mathematics, today at 14:00: the tutor is now Hana Alemu",
    ]
    assert calendar_of(lesson.mails_to(STUDENT)) == {UID: ("CONFIRMED", START)}
    assert calendar_of(lesson.mails_to(TUTOR)) == {UID: ("CONFIRMED", START)}
    assert calendar_of(lesson.mails_to(SECOND)) == {UID: ("CANCELLED", START)}


def test_a_tutor_replaced_and_put_back_before_the_next_pass_is_no_change(lesson: LessonDay) -> None:
    lesson.write(TO_THE_SECOND)
    lesson.write(TO_THE_FIRST)
    lesson.at("12:00")

    assert len(lesson.sink.mails) == 2


def test_a_new_tutor_at_a_new_hour_is_one_notice_that_names_both(lesson: LessonDay) -> None:
    lesson.write(MOVE)
    lesson.write(TO_THE_SECOND)
    lesson.at("12:00")

    assert [mail.subject for mail in lesson.mails_to(STUDENT)[1:]] == [
        "Moved: Mathematics with Yonas Tesfaye, Tue 1 Dec 14:00 → 16:00;"
        " the tutor is now Yonas Tesfaye"
    ]
    assert calendar_of(lesson.mails_to(STUDENT)) == {UID: ("CONFIRMED", LATER)}


def test_a_row_reused_for_other_people_discloses_nothing_of_them_to_its_former_people(
    lesson: LessonDay, conn: Connection
) -> None:
    other = a_student(conn, first_name="Dawit")
    lesson.write(
        "UPDATE tutor_sessions SET tutor_id = 2, student_id = :other, subject = 'Physics',"
        " topic = 'Optics', meeting_link = 'https://meet.example.com/yonas', location = 'Bole'",
        other=other,
    )
    lesson.at("12:00")

    for address in (TUTOR, STUDENT):
        *_, mail = lesson.mails_to(address)
        content = mail.text + next(ics(mail)).decode()
        assert mail.subject.startswith("Cancelled: Mathematics with ")
        assert "Fractions" in content
        assert not any(word in content for word in ("Physics", "Optics", "yonas", "Dawit", "Bole"))


def test_a_lesson_cancelled_and_notified_then_scheduled_a_week_later_is_notified(
    lesson: LessonDay,
) -> None:
    lesson.write(CANCEL)
    lesson.at("11:00")
    lesson.write(RESTORE)
    lesson.write("UPDATE tutor_sessions SET session_date = '2026-12-08'")
    lesson.at("12:00")

    assert [mail.subject for mail in lesson.mails_to(STUDENT)[1:]] == [
        "Cancelled: Mathematics with Hana Alemu, today at 14:00",
        "On again: Mathematics with Hana Alemu begins on Tuesday 8 December at 14:00",
    ]
    assert calendar_of(lesson.mails_to(STUDENT)) == {
        UID: ("CONFIRMED", datetime(2026, 12, 8, 11, tzinfo=UTC))
    }


def test_a_lesson_cancelled_restored_and_cancelled_again_is_notified_each_time(
    lesson: LessonDay,
) -> None:
    for clock, change in (("11:00", CANCEL), ("11:10", RESTORE), ("11:20", CANCEL)):
        lesson.write(change)
        lesson.at(clock)

    assert [mail.subject.split(":")[0] for mail in lesson.mails_to(TUTOR)[1:]] == [
        "Cancelled",
        "On again",
        "Cancelled",
    ]


ANEW = """
    INSERT INTO tutor_sessions (id, tutor_id, student_id, subject, session_date, start_time,
                                end_time, mode, status, notification_enabled)
    SELECT 77, tutor_id, student_id, subject, session_date, start_time, end_time, mode, status,
           notification_enabled FROM tutor_sessions"""
DELETE = "DELETE FROM tutor_sessions WHERE id = 1"


@pytest.mark.parametrize(("change", "left"), [(CANCEL, "CANCELLED"), (MOVE, "CONFIRMED")])
def test_a_row_entered_anew_continues_the_calendar_entry_that_was_sent(
    lesson: LessonDay, change: str, left: str
) -> None:
    lesson.write(ANEW)
    lesson.write(DELETE)
    lesson.at("11:00")
    lesson.write(change)
    lesson.at("12:00")

    entries = calendar_of(lesson.mails_to(TUTOR))
    assert {uid: status for uid, (status, _) in entries.items()} == {UID: left}


def test_a_row_moved_and_notified_and_entered_anew_is_not_cancelled(lesson: LessonDay) -> None:
    lesson.write(MOVE)
    lesson.at("11:00")
    lesson.write(ANEW)
    lesson.write(DELETE)
    lesson.at("12:00")

    assert len(lesson.mails_to(TUTOR)) == 2
    assert calendar_of(lesson.mails_to(TUTOR)) == {UID: ("CONFIRMED", LATER)}


def test_an_old_message_is_not_repeated_once_a_newer_one_has_left(make_day: MakeDay) -> None:
    """The cancellation was never answered; meanwhile the lesson is on again, and then off."""
    day = make_day(reminder_leads="24h")
    conn = day.conn
    a_session(conn, tutor_id=a_tutor(conn, email=TUTOR), notification_enabled=True)
    day.at("14:00", -1)
    day.write(CANCEL)
    day.at("10:00")
    day.write(
        "UPDATE session_worker.delivery SET state = 'unknown', retry_at = :retry"
        " WHERE kind = 'notice'", retry=datetime(2026, 12, 1, 9, tzinfo=UTC),
    )  # fmt: skip
    day.write("UPDATE session_worker.attempt SET outcome = 'unknown'"
              " WHERE id = (SELECT max(id) FROM session_worker.attempt)")  # fmt: skip
    day.write(RESTORE)
    day.at("11:00")
    day.write(CANCEL)
    day.at("12:30")

    assert [mail.subject.split(":")[0] for mail in day.mails_to(TUTOR)[1:]] == [
        "Cancelled",
        "On again",
        "Cancelled",
    ]
    assert ("obsolete", "overtaken") in [
        tuple(row) for row in day.read("SELECT state, reason FROM session_worker.delivery")
    ]


def test_the_tutor_of_a_group_is_notified_of_the_student_who_left_it(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(reminder_leads="24h")
    tutor = a_tutor(conn, email=TUTOR)
    for name in ("Abebe", "Sara", "Dawit"):
        student = a_student(conn, first_name=name, father_name="Bekele")
        a_session(conn, tutor_id=tutor, student_id=student, topic=name, notification_enabled=True)
    day.at("14:00", -1)
    day.write("UPDATE tutor_sessions SET status = 'cancelled' WHERE topic = 'Sara'")
    day.at("12:00")

    *_, mail = day.mails_to(TUTOR)
    assert mail.subject == "Without Sara Bekele: Mathematics, today at 14:00"
    assert "takes place without Sara Bekele, with Abebe Bekele and Dawit Bekele." in mail.text


def test_one_session_is_named_once_where_two_of_its_leads_go_together(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(reminder_leads="24h")
    tutor = a_tutor(conn, email=TUTOR)
    a_session(conn, tutor_id=tutor, student_id=a_student(conn), notification_enabled=True)
    day.at("14:00", -1)
    day.write("SELECT session_worker.snooze(id, 60) FROM session_worker.delivery")
    day.write("UPDATE session_worker.delivery SET state = 'planned', message_key = NULL,"
              " message_at = NULL, send_after = '2026-12-01T00:00Z'")  # fmt: skip
    day.at("12:00")

    *_, mail = day.mails_to(TUTOR)
    assert mail.subject == "Reminder: Mathematics with Abebe Kebede begins in 2 hours, at 14:00"
    assert next(ics(mail)).count(b"BEGIN:VEVENT") == 1


def test_a_tutor_who_is_a_parent_has_each_lesson_in_its_own_role(
    make_day: MakeDay, conn: Connection
) -> None:
    """She teaches Abebe, and at the same hour her daughter Sara is taught by another."""
    day = make_day(alarm_recipients="tutor,parent")
    tutor = a_tutor(conn, email=TUTOR, first_name="Hana", father_name="Alemu")
    user = conn.execute(text("SELECT user_id FROM tutor_profiles")).scalar_one()
    daughter = a_student(
        conn, first_name="Sara", parent_id=[a_parent(conn, user_id=user)], email=STUDENT
    )
    other = a_tutor(conn, email=SECOND, first_name="Yonas", father_name="Tesfaye")
    a_session(conn, tutor_id=tutor, student_id=a_student(conn), alarm_enabled=True)
    a_session(conn, tutor_id=other, student_id=daughter, subject="Physics", alarm_enabled=True)
    day.at("13:45")

    (mail,) = day.mails_to(TUTOR)
    words = mail.text.replace("\r\n", "\n")
    assert "Mathematics\nWhen: Tuesday 1 December 2026" in words
    assert "Student: Abebe Kebede" in mail.text
    assert "Tutor: Yonas Tesfaye\nStudent: Sara Kebede" in words
    assert "Tutor: Hana Alemu" not in mail.text
    assert "Physics – Yonas Tesfaye – Sara Kebede" in unfolded(next(ics(mail)))


def unfolded(file: bytes) -> str:
    return file.replace(b"\r\n ", b"").decode().replace("\\,", ",")
