"""Each change is notified once: all changes for one person at one moment are one notice."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import DAY

TUTOR = "tutor@tutoring.example"
REMINDED = {"notification_enabled": True}


def lessons(conn: Connection, tutor: int, count: int, first: date = DAY) -> list[int]:
    """On as many days, at 14:00 each."""
    student = a_student(conn)
    return [
        a_session(conn, tutor_id=tutor, student_id=student,
                  session_date=first + timedelta(days=n), **REMINDED)
        for n in range(count)
    ]  # fmt: skip


def test_a_tutors_series_that_moved_is_one_notice_that_lists_all(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(reminder_leads="10d")
    lessons(conn, a_tutor(conn, email=TUTOR), 5)
    day.at("14:00", -1)
    day.write("UPDATE tutor_sessions SET start_time = '16:00', end_time = '17:00'")
    report = day.at("15:00", -1)

    *reminders, notice = day.mails_to(TUTOR)
    assert len(reminders) == 5
    assert notice.subject == "5 sessions moved: Mathematics with Abebe Kebede"
    assert [f"{day_} December" in notice.text for day_ in range(1, 6)] == 5 * [True]
    assert report.sent == 5
    keys = day.read("SELECT DISTINCT message_key FROM session_worker.delivery WHERE kind='notice'")
    assert len(keys) == 1


def test_a_moved_and_a_cancelled_session_are_told_together(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(reminder_leads="10d")
    moved, cancelled = lessons(conn, a_tutor(conn, email=TUTOR), 2)
    day.at("14:00", -1)
    day.write("UPDATE tutor_sessions SET start_time = '16:00', end_time = NULL WHERE id = :id",
              id=moved)  # fmt: skip
    day.write("UPDATE tutor_sessions SET status = 'cancelled' WHERE id = :id", id=cancelled)
    day.at("15:00", -1)

    assert [mail.subject for mail in day.mails_to(TUTOR)[2:]] == [
        "2 sessions changed: Mathematics with Abebe Kebede"
    ]


def test_what_begins_before_it_is_sent_is_left_out_and_expired(
    make_day: MakeDay, conn: Connection
) -> None:
    """The mail server is away until the first of the sessions has begun at its new time."""
    day = make_day(reminder_leads="10d")
    lessons(conn, a_tutor(conn, email=TUTOR), 3)
    day.at("14:00", -1)
    day.write("UPDATE tutor_sessions SET start_time = '13:00', end_time = '14:00'")
    day.sink.reply("MAIL", "421 4.3.2 come back later")
    day.at("12:59")
    before = len(day.sink.mails)
    day.sink.reset()
    day.at("13:05")

    assert before == 3
    (notice,) = day.mails_to(TUTOR)
    assert notice.subject == "2 sessions moved: Mathematics with Abebe Kebede"
    states = day.read("SELECT state FROM session_worker.delivery WHERE kind='notice' ORDER BY id")
    assert sorted(row.state for row in states) == ["expired", "sent", "sent"]


@pytest.mark.long
def test_500_sessions_of_20_tutors_moved_by_one_statement_are_one_mail_to_each(
    make_day: MakeDay, conn: Connection
) -> None:
    """25 sessions each, in the coming 25 days, all notified before."""
    day = make_day(reminder_leads="30d", reminder_recipients="tutor,student", claim_batch=7,
                   person_rate="")  # fmt: skip
    people = [(f"tutor{n}@tutoring.example", f"student{n}@tutoring.example") for n in range(20)]
    for tutor, student in people:
        a_year_of_lessons(conn, a_tutor(conn, email=tutor), a_student(conn, email=student))
    day.at("12:00", -1)
    reminded = len(day.sink.mails)
    day.write("UPDATE tutor_sessions SET start_time = start_time + interval '2 hours',"
              " end_time = end_time + interval '2 hours'")  # fmt: skip
    day.at("12:10", -1)

    assert reminded == 1000
    notices = day.sink.mails[reminded:]
    assert sorted(to for mail in notices for to in mail.recipients) == sorted(
        address for pair in people for address in pair
    )
    assert {mail.subject for mail in notices} == {"25 sessions moved: Physics with Abebe Kebede"}
    day.at("12:20", -1)
    assert len(day.sink.mails) == 1040


def a_year_of_lessons(conn: Connection, tutor: int, student: int) -> None:
    conn.execute(
        text("""
        INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time,
                                    end_time, mode, status, notification_enabled)
        SELECT :tutor, :student, 'Physics', CAST(:day AS date) + n, :starts, :ends, 'online',
               'scheduled', true
          FROM generate_series(0, 24) AS n"""),
        {"tutor": tutor, "student": student, "day": DAY, "starts": time(14), "ends": time(15)},
    )
