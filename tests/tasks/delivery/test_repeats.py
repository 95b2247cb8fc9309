"""Alarms are repeated until somebody acknowledges them (ALARM_REPEAT).

The builders' session begins at 14:00; its alarm goes to the student at 13:45.
"""

import pytest
from sqlalchemy import Connection, text

from tasks.admin.remind import remind
from tests.builders import a_session, a_student
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

STUDENT = "student@tutoring.example"
ALARMED = {"alarm_enabled": True, "alarm_before_minutes": 15}


@pytest.fixture
def day(make_day: MakeDay, conn: Connection) -> LessonDay:
    made = make_day(alarm_repeat="4m")
    a_session(conn, student_id=a_student(conn, email=STUDENT), **ALARMED)
    return made


def rounds(day: LessonDay, *clocks: str) -> list[int]:
    """How many mails the student has after each round."""
    counts = []
    for clock in clocks:
        day.at(clock)
        counts.append(len(day.mails_to(STUDENT)))
    return counts


def alarms(day: LessonDay) -> list[tuple[int, str, str | None]]:
    rows = day.read(
        "SELECT revision, state, reason FROM session_worker.delivery"
        " WHERE kind = 'alarm' ORDER BY revision"
    )
    return [tuple(row) for row in rows]


def answer(day: LessonDay, call: str) -> None:
    """The site calls `call` on the first row of the ledger."""
    day.write(f"SELECT session_worker.{call} FROM session_worker.delivery WHERE revision = 0")


def test_an_alarm_that_nobody_acknowledges_comes_every_four_minutes_until_the_start(
    day: LessonDay,
) -> None:
    counts = rounds(
        day, "13:45", "13:46", "13:48:59", "13:49", "13:52", "13:53", "13:57", "13:59:59", "14:00"
    )

    assert counts == [1, 1, 1, 2, 2, 3, 4, 4, 4]
    assert alarms(day) == [(n, "sent", None) for n in range(4)]


def test_by_default_no_alarm_is_repeated(make_day: MakeDay, conn: Connection) -> None:
    a_session(conn, student_id=a_student(conn, email=STUDENT), **ALARMED)

    assert rounds(make_day(), "13:45", "13:49", "13:58") == [1, 1, 1]


def test_an_acknowledged_alarm_is_not_repeated(day: LessonDay) -> None:
    day.at("13:45")
    answer(day, "acknowledge(id)")

    assert rounds(day, "13:46", "13:49", "13:53") == [1, 1, 1]


def test_an_alarm_acknowledged_while_its_repeat_waits_is_not_repeated(day: LessonDay) -> None:
    rounds(day, "13:45", "13:46")
    answer(day, "acknowledge(id)")

    assert rounds(day, "13:49", "13:53") == [1, 1]
    assert alarms(day)[1] == (1, "obsolete", "acknowledged")


def test_the_repeat_of_a_session_that_was_cancelled_is_withdrawn(day: LessonDay) -> None:
    rounds(day, "13:45", "13:46")
    day.write("UPDATE tutor_sessions SET status = 'cancelled'")
    day.at("13:47")

    assert alarms(day)[1] == (1, "obsolete", "cancelled")


def test_a_repeat_that_was_withdrawn_comes_back_when_it_is_true_again(day: LessonDay) -> None:
    rounds(day, "13:45", "13:46")
    for switch in ("false", "true"):
        day.write(f"UPDATE tutor_sessions SET alarm_enabled = {switch}")
        day.at("13:47")

    assert rounds(day, "13:49", "13:53") == [2, 3]


def test_a_withdrawn_repeat_that_was_acknowledged_meanwhile_stays_away(day: LessonDay) -> None:
    rounds(day, "13:45", "13:46")
    day.write("UPDATE tutor_sessions SET alarm_enabled = false")
    day.at("13:47")
    answer(day, "acknowledge(id)")
    day.write("UPDATE tutor_sessions SET alarm_enabled = true")

    assert rounds(day, "13:48", "13:49", "13:53") == [1, 1, 1]


def test_a_repeat_that_comes_too_late_expires(day: LessonDay) -> None:
    rounds(day, "13:45", "13:46", "14:01")

    assert alarms(day)[1] == (1, "expired", "begun")


def test_an_alarm_that_is_being_acknowledged_is_not_repeated_at_the_same_time(
    day: LessonDay, conn: Connection
) -> None:
    day.at("13:45")
    conn.execute(text("SELECT session_worker.acknowledge(id) FROM session_worker.delivery"))
    remind(day.tools, wall("13:46"))
    conn.commit()
    day.at("13:49")

    assert alarms(day) == [(0, "sent", None)]
