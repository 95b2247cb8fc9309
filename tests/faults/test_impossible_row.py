"""A row with impossible values affects no other, and no cancellation is sent for it."""

from sqlalchemy import Connection, text

from scheduler.doctor import examine_database
from tests.builders import a_session, a_student, a_tutor
from tests.tasks.delivery.conftest import day, make_day  # noqa: F401
from tests.tasks.delivery.lesson_day import LessonDay, wall

# Impossible values written to the row of a notified session.
IMPOSSIBLE = {
    "the year 12026": "session_date = '12026-12-01'",
    "a year beyond timestamps": "session_date = '300000-12-01'",
    "the last day of timestamps": "session_date = '294276-12-31', start_time = '23:59'",
    "infinity": "session_date = 'infinity'",
    "minus infinity": "session_date = '-infinity'",
    "44 BC": "session_date = '0044-12-01 BC'",
    "the first day of years": "session_date = '0001-01-01', start_time = '00:00'",
    "no start": "start_time = NULL",
    "no date": "session_date = NULL",
    "midnight at the end of the day": "start_time = '24:00'",
    "an end weeks before the start": "end_time = '00:00', duration = -30240",
    "the longest duration": "end_time = NULL, duration = 2147483647",
}
DATES = 7  # the first seven are dates out of any range
NULLABLE = text("""
    ALTER TABLE tutor_sessions ALTER session_date DROP NOT NULL, ALTER start_time DROP NOT NULL""")


def test_notified_sessions_that_become_impossible_stop_nobody_and_cancel_nothing(
    day: LessonDay,  # noqa: F811
    conn: Connection,
) -> None:
    conn.execute(NULLABLE)
    addresses = {name: f"tutor{n}@tutoring.example" for n, name in enumerate(IMPOSSIBLE)}
    sessions = {
        name: a_session(conn, tutor_id=a_tutor(conn, email=address), notification_enabled=True)
        for name, address in addresses.items()
    }
    student = a_student(conn, email="student@tutoring.example")
    a_session(conn, student_id=student, alarm_enabled=True)
    day.at("13:00")
    told = len(day.sink.mails)
    for name, columns in IMPOSSIBLE.items():
        day.write(f"UPDATE tutor_sessions SET {columns} WHERE id = :id", id=sessions[name])
    day.at("13:30")
    day.at("13:46")

    assert told == len(IMPOSSIBLE)
    assert len(day.mails_to("student@tutoring.example")) == 1
    subjects = [mail.subject for mail in day.sink.mails[told:]]
    assert [subject for subject in subjects if "ancelled" in subject] == []
    found = {
        each.code: each.detail for each in examine_database(conn, day.tools.settings, wall("13:46"))
    }
    assert "check_failed" not in found
    assert f"{DATES} sessions" in found["date_out_of_range"]
    assert str(sessions["the year 12026"]) in found["date_out_of_range"]


def test_impossible_sessions_without_a_sent_message_stop_nobody(
    day: LessonDay,  # noqa: F811
    conn: Connection,
) -> None:
    conn.execute(NULLABLE)
    for columns in IMPOSSIBLE.values():
        odd = a_session(conn, notification_enabled=True, alarm_enabled=True)
        day.write(f"UPDATE tutor_sessions SET {columns} WHERE id = :id", id=odd)
    student = a_student(conn, email="student@tutoring.example")
    a_session(conn, student_id=student, alarm_enabled=True)
    day.at("13:46")

    assert len(day.mails_to("student@tutoring.example")) == 1
