"""The tutors' daily agenda (AGENDA_AT=07:00), in rounds at wall times of Addis Ababa."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.catalog import read_catalog
from scheduler.reminders.tick import tick
from scheduler.settings import InvalidSetting, load_settings
from tests.builders import a_session, a_student, a_tutor, a_user
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

TUTOR = "tutor@tutoring.example"


@pytest.fixture
def day(make_day: MakeDay) -> LessonDay:
    return make_day(agenda_at="07:00")


@pytest.fixture
def tutor(conn: Connection) -> int:
    return a_tutor(conn, email=TUTOR, first_name="Almaz", father_name="Bekele")


def lesson(conn: Connection, tutor: int, begins: int, ends: int, **columns: Any) -> int:
    """A session with Sara, from one full hour to another, without reminders."""
    sara = a_student(conn, first_name="Sara", father_name="Tesfaye")
    times = {"start_time": time(begins), "end_time": time(ends)}
    return a_session(conn, **{"tutor_id": tutor, "student_id": sara, **times, **columns})


def rows(day: LessonDay) -> list[tuple[str, str | None]]:
    found = day.read("SELECT state, reason FROM session_worker.delivery ORDER BY id")
    return [tuple(row) for row in found]


def test_the_days_sessions_are_told_in_order_with_gaps_and_conflicts(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 16, 17, subject="Physics")
    lesson(conn, tutor, 9, 11, subject="Biology")
    lesson(conn, tutor, 10, 12, subject="Chemistry")
    lesson(conn, tutor, 9, 10, subject="History", session_date=date(2026, 12, 2))
    day.at("06:58")
    assert day.mails_to(TUTOR) == []
    day.at("07:00")
    day.at("07:05")

    (mail,) = day.mails_to(TUTOR)
    said = [
        mail.text.index(words)
        for words in ("09:00–11:00 Biology", "begins before the one above", "10:00–12:00 Chemistry",
                      "4 hours free", "16:00–17:00 Physics")
    ]  # fmt: skip
    assert said == sorted(said)
    assert "History" not in mail.text


def test_a_group_is_one_entry_with_its_students(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    for name in ("Yonas", "Dawit"):
        lesson(conn, tutor, 9, 10, student_id=a_student(conn, first_name=name))
    day.at("07:00")

    (mail,) = day.mails_to(TUTOR)
    assert "1 session" in mail.text
    assert "Dawit" in mail.text
    assert "Yonas" in mail.text


def test_there_is_one_row_for_a_tutor_and_a_day(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 9, 10)
    day.at("07:00")
    lesson(conn, tutor, 8, 9, subject="Entered later, and the first")
    day.at("07:02")

    assert rows(day) == [("sent", None)]


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_an_empty_day_has_none(day: LessonDay, tutor: int, conn: Connection, status: str) -> None:
    lesson(conn, tutor, 9, 10, status=status)
    lesson(conn, tutor, 6, 7, subject="Over by then")
    day.at("07:00")

    assert rows(day) == []


def test_what_changes_after_planning_is_told_as_it_is(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 9, 10, subject="Biology")
    gone = lesson(conn, tutor, 8, 9, subject="Physics")
    day.at("06:59:30")
    day.write("DELETE FROM tutor_sessions WHERE id = :id", id=gone)
    lesson(conn, tutor, 13, 14, subject="Chemistry")
    day.at("07:00")

    (mail,) = day.mails_to(TUTOR)
    assert "Physics" not in mail.text
    assert mail.text.index("Biology") < mail.text.index("Chemistry")


def test_a_day_that_became_empty_after_planning_has_no_agenda(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 9, 10)
    day.at("06:59:30")
    day.write("UPDATE tutor_sessions SET status = 'cancelled'")
    day.at("07:00")

    assert rows(day) == [("obsolete", "empty_day")]


def test_down_until_noon_what_is_left_of_the_day_is_told(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 9, 10, subject="Biology")
    lesson(conn, tutor, 16, 17, subject="Physics")
    day.at("06:59:30")
    day.at("12:00")

    (mail,) = day.mails_to(TUTOR)
    assert "Biology" not in mail.text
    assert "Physics" in mail.text


def test_when_the_last_of_the_day_has_begun_it_is_expired(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 9, 10)
    day.at("06:59:30")
    day.at("09:30")

    assert rows(day) == [("expired", "begun")]


def test_seven_is_seven_where_the_tutor_is(day: LessonDay, tutor: int, conn: Connection) -> None:
    """In Berlin, two hours behind. The session at 01:00 is on the day before there."""
    wish(conn, kind="agenda", zone="Europe/Berlin")
    lesson(conn, tutor, 20, 21, subject="Physics")
    lesson(conn, tutor, 1, 2, subject="History", session_date=date(2026, 12, 2))
    lesson(conn, tutor, 2, 3, subject="Biology", session_date=date(2026, 12, 2))
    day.at("08:59")
    assert day.mails_to(TUTOR) == []
    day.at("09:00")

    (mail,) = day.mails_to(TUTOR)
    assert "18:00–19:00 Physics" in mail.text
    assert "23:00–00:00 next day History" in mail.text
    assert "Biology" not in mail.text


@pytest.mark.parametrize("columns", [{"is_suspended": True}, {"is_active": False}])
def test_a_tutor_who_is_inactive_or_suspended_gets_none(
    day: LessonDay, conn: Connection, columns: dict[str, Any]
) -> None:
    lesson(conn, a_tutor(conn, **columns), 9, 10)
    day.at("07:00")

    assert rows(day) == [("unreachable", "suspended" if "is_suspended" in columns else "inactive")]


def test_a_tutor_whose_user_is_inactive_gets_none(day: LessonDay, conn: Connection) -> None:
    lesson(conn, a_tutor(conn, user_id=a_user(conn, is_active=False)), 9, 10)
    day.at("07:00")

    assert rows(day) == [("unreachable", "inactive")]


def test_a_tutor_who_muted_agendas_gets_none(day: LessonDay, tutor: int, conn: Connection) -> None:
    wish(conn, kind="agenda", muted=True)
    lesson(conn, tutor, 9, 10)
    day.at("07:00")

    assert rows(day) == [("unreachable", "muted")]


def wish(conn: Connection, **columns: Any) -> None:
    """A preference of every user there is."""
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    conn.execute(
        text(
            f"INSERT INTO session_worker.preference (person_id, {names})"
            f" SELECT id, {values} FROM users"
        ),
        columns,
    )


def test_by_default_there_is_none(make_day: MakeDay, tutor: int, conn: Connection) -> None:
    lesson(conn, tutor, 9, 10)
    made = make_day()
    made.at("07:00")

    assert rows(made) == []


def test_an_install_at_ten_past_seven_sends_none_of_that_day(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    lesson(conn, tutor, 9, 10)
    tick(conn, read_catalog(conn), day.tools.settings, wall("07:10"))

    assert rows(day) == []


def test_the_first_session_entered_at_noon_makes_no_agenda(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    tick(conn, read_catalog(conn), day.tools.settings, wall("06:00"))
    tick(conn, read_catalog(conn), day.tools.settings, wall("11:59"))
    lesson(conn, tutor, 15, 16)
    day.at("12:00")

    assert rows(day) == []


def test_its_row_names_the_first_session_and_the_end_of_the_day(
    day: LessonDay, tutor: int, conn: Connection
) -> None:
    first = lesson(conn, tutor, 9, 10)
    lesson(conn, tutor, 11, 12)
    day.at("07:00")

    (row,) = day.read("SELECT session_id, starts_at, due_at, role FROM session_worker.delivery")
    assert tuple(row) == (first, wall("00:00", 1), wall("07:00"), "tutor")


@pytest.mark.parametrize("value", ["7", "25:00", "07:60", "at seven", "07:00:00"])
def test_a_time_that_cannot_be_read_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^AGENDA_AT: .* is no time of day: write 07:00.*$"):
        load_settings(_env_file=None, agenda_at=value)


def test_an_hour_of_one_digit_can_be_read() -> None:
    assert load_settings(_env_file=None, agenda_at=" 7:05 ").agenda_at == "07:05"
