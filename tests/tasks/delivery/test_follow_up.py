"""The question after a lesson that is still scheduled (FOLLOW_UP)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.doctor import examine_database
from scheduler.reminders.progress import note_tick
from tests.builders import a_session, a_tutor
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

TUTOR = "hana@school.example"


@pytest.fixture
def day(make_day: MakeDay, conn: Connection) -> LessonDay:
    note_tick(conn, wall("08:00", -7), wall("08:00", -7))
    return make_day(follow_up="30m")


def a_lesson(conn: Connection, **columns: Any) -> int:
    """Tuesday 14:00 to 15:00, nobody reminded."""
    return a_session(conn, **{"tutor_id": a_tutor(conn, email=TUTOR), **columns})


def questions(day: LessonDay) -> list[str]:
    return [mail.subject for mail in day.mails_to(TUTOR)]


def set_status(day: LessonDay, status: str) -> None:
    day.write("UPDATE tutor_sessions SET status = :status", status=status)


def test_the_tutor_is_asked_once_about_a_session_that_stays_scheduled(
    conn: Connection, day: LessonDay
) -> None:
    a_lesson(conn)

    day.at("15:28")
    assert questions(day) == []
    for clock in ("15:30", "15:31", "18:00"):
        day.at(clock)

    [mail] = day.mails_to(TUTOR)
    assert mail.subject.startswith("Held, missed or moved? Mathematics")
    assert "14:00" in mail.subject
    assert "Tuesday" in mail.text
    assert "14:00–15:00" in mail.text
    assert mail.message.get_content_type() == "multipart/alternative"  # no calendar file


@pytest.mark.parametrize("status", ["completed", "missed", "cancelled"])
def test_nobody_is_asked_about_a_session_whose_outcome_the_site_knows(
    conn: Connection, day: LessonDay, status: str
) -> None:
    a_lesson(conn, status=status)

    day.at("15:30")

    assert questions(day) == []


def test_an_answer_before_it_is_sent_makes_it_needless(conn: Connection, make_day: MakeDay) -> None:
    note_tick(conn, wall("08:00", -7), wall("08:00", -7))
    day = make_day(follow_up="30m", plan_ahead="30m")
    a_lesson(conn)
    day.at("15:10")
    assert day.states("follow_up") == {0: ("planned", None)}

    set_status(day, "completed")
    day.at("15:30")
    assert (questions(day), day.states("follow_up")) == ([], {0: ("obsolete", "not_scheduled")})

    set_status(day, "scheduled")
    day.at("15:40")
    assert len(questions(day)) == 1


def test_it_waits_for_the_end_of_the_tutors_quiet_hours(conn: Connection, day: LessonDay) -> None:
    a_lesson(conn, start_time="20:30", end_time="21:30")
    day.write("INSERT INTO session_worker.preference (person_id, quiet_from, quiet_until)"
              " SELECT id, '21:00', '07:00' FROM users WHERE email = :email",
              email=TUTOR)  # fmt: skip

    day.at("22:00")
    day.at("06:59", 1)
    assert questions(day) == []
    day.at("07:00", 1)

    assert len(questions(day)) == 1


def test_a_session_that_was_moved_on_is_asked_about_after_its_new_end(
    conn: Connection, day: LessonDay
) -> None:
    session = a_lesson(conn)
    day.at("15:30")
    day.write("UPDATE tutor_sessions SET session_date = '2026-12-03' WHERE id = :id", id=session)

    day.at("16:00")
    assert len(questions(day)) == 1
    day.at("15:30", 2)

    assert len(questions(day)) == 2
    assert {mail.subject[:5] for mail in day.mails_to(TUTOR)} == {"Held,"}  # no notice of a move


def test_a_longer_lesson_is_not_asked_about_again(conn: Connection, day: LessonDay) -> None:
    session = a_lesson(conn)
    day.at("15:30")

    day.write("UPDATE tutor_sessions SET end_time = '16:00' WHERE id = :id", id=session)
    day.at("16:30")

    assert len(questions(day)) == 1


def test_a_group_is_one_question(conn: Connection, day: LessonDay) -> None:
    tutor = a_tutor(conn, email=TUTOR)
    for _ in range(3):
        a_session(conn, tutor_id=tutor)

    day.at("15:30")

    assert len(questions(day)) == 1


def test_a_question_goes_behind_the_alarms_of_coming_sessions(
    conn: Connection, day: LessonDay
) -> None:
    a_lesson(conn)
    day.write("INSERT INTO session_worker.pause (channel) VALUES ('email')")
    day.at("15:30")

    [row] = day.read("SELECT starts_at, due_at FROM session_worker.delivery")

    assert row.due_at == wall("15:30")
    assert row.starts_at == wall("15:30", 1)


def test_what_was_due_before_the_first_tick_is_not_asked(
    conn: Connection, make_day: MakeDay
) -> None:
    note_tick(conn, wall("16:00"), wall("16:00"))
    day = make_day(follow_up="30m")
    a_lesson(conn)

    day.at("16:01")

    assert questions(day) == []


def test_many_overdue_questions_are_held_for_an_admin(conn: Connection, make_day: MakeDay) -> None:
    note_tick(conn, wall("08:00", -7), wall("08:00"))
    day = make_day(follow_up="30m", flood_limit=2)
    for _ in range(3):
        a_session(conn)

    day.at("18:00")

    rows = day.read("SELECT state, reason FROM session_worker.delivery")
    assert {(row.state, row.reason) for row in rows} == {("held", "flood")}


def test_without_the_setting_nobody_is_asked(conn: Connection, make_day: MakeDay) -> None:
    note_tick(conn, wall("08:00", -7), wall("08:00", -7))
    day = make_day()
    a_lesson(conn)

    day.at("15:30")

    assert questions(day) == []


def test_the_doctor_counts_those_that_stay_open(conn: Connection, day: LessonDay) -> None:
    session = a_lesson(conn)
    day.at("15:30")
    later = wall("15:30") + timedelta(days=3)

    found = [each for each in examine_database(conn, day.tools.settings, later)
             if each.code == "open_lessons"]  # fmt: skip
    assert [each.detail.endswith(f"sessions {session}") for each in found] == [True]
    conn.commit()

    set_status(day, "completed")
    found = examine_database(conn, day.tools.settings, later)
    assert "open_lessons" not in {each.code for each in found}
