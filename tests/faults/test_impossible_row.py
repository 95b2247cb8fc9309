"""One row that makes no sense stops nobody else's messages."""

from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor
from tests.tasks.delivery.conftest import day, make_day  # noqa: F401
from tests.tasks.delivery.lesson_day import LessonDay


def test_a_told_session_that_is_moved_to_the_year_12026_stops_nobody_else(
    day: LessonDay,  # noqa: F811
    conn: Connection,
) -> None:
    tutor = a_tutor(conn, email="tutor@tutoring.example")
    moved = a_session(conn, tutor_id=tutor, notification_enabled=True)
    student = a_student(conn, email="student@tutoring.example")
    a_session(conn, student_id=student, alarm_enabled=True)
    day.at("13:00")
    day.write("UPDATE tutor_sessions SET session_date = '12026-12-01' WHERE id = :id", id=moved)
    day.at("13:46")

    assert len(day.mails_to("student@tutoring.example")) == 1
