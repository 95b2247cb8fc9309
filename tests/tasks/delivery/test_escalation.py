"""An alarm that nobody acknowledged goes to another role (ESCALATE)."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.settings import InvalidSetting, Role, load_settings
from tests.builders import a_parent, a_session, a_student
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import ON, LessonDay, wall

STUDENT, PARENT, OTHER = "sara@home.example", "parent@home.example", "father@home.example"
ALARM = {**ON, "notification_enabled": False}


@pytest.fixture
def day(make_day: MakeDay) -> LessonDay:
    return make_day(escalate="5m:parent")


def a_lesson(conn: Connection, **columns: Any) -> int:
    parents = [a_parent(conn, email=PARENT), a_parent(conn, email=OTHER)]
    student = a_student(conn, email=STUDENT, parent_id=parents)
    return a_session(conn, **{**ALARM, "student_id": student, **columns})


def acknowledge(day: LessonDay, kind: str = "alarm") -> None:
    day.write(
        "SELECT session_worker.acknowledge(id) FROM session_worker.delivery WHERE kind = :kind",
        kind=kind,
    )


def parents_mails(day: LessonDay) -> int:
    return len(day.mails_to(PARENT)) + len(day.mails_to(OTHER))


def test_an_alarm_that_nobody_acknowledged_goes_to_the_parents(
    conn: Connection, day: LessonDay
) -> None:
    a_lesson(conn)

    day.at("13:45")
    day.at("13:54")
    assert parents_mails(day) == 0
    day.at("13:55")
    day.at("13:56")

    [mail] = day.mails_to(PARENT)
    assert "Not acknowledged: Mathematics" in mail.subject
    assert "nobody has acknowledged the alarm" in mail.text
    assert len(day.mails_to(OTHER)) == 1
    assert len(day.mails_to(STUDENT)) == 1


def test_an_acknowledged_alarm_goes_no_further(conn: Connection, day: LessonDay) -> None:
    a_lesson(conn)
    day.at("13:45")

    acknowledge(day)
    day.at("13:55")

    assert parents_mails(day) == 0
    assert day.states("escalation") == {5: ("obsolete", "acknowledged")}


def test_an_answer_after_the_planning_stops_it_just_before_it_is_sent(
    conn: Connection, make_day: MakeDay
) -> None:
    day = make_day(escalate="5m:parent", plan_ahead="10m")
    a_lesson(conn)
    day.at("13:45")
    day.at("13:50")
    assert day.states("escalation") == {5: ("planned", None)}

    acknowledge(day)
    day.at("13:55")

    assert parents_mails(day) == 0


def test_what_was_acknowledged_on_one_channel_is_on_every_channel(
    conn: Connection, make_day: MakeDay, http_sink: Any
) -> None:
    sms = f"json://127.0.0.1:{http_sink.port}/sms?:to={{phone}}"
    day = make_day(escalate="5m:parent", channel_sms=sms, alarm_repeat="5m")
    a_lesson(conn)
    day.at("13:45")
    day.at("13:50")  # the repeat
    newest = "SELECT max(id) FROM session_worker.delivery WHERE kind = 'alarm'"
    day.write(f"SELECT session_worker.acknowledge(({newest}))")

    day.at("13:55")

    assert parents_mails(day) == 0


def test_an_alarm_that_reached_nobody_is_passed_on_too(conn: Connection, day: LessonDay) -> None:
    silent = a_student(conn, email=" ", parent_id=[a_parent(conn, email=PARENT)])
    a_session(conn, student_id=silent, **ALARM)

    day.at("13:45")
    day.at("13:55")

    assert len(day.mails_to(PARENT)) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"alarm_enabled": False},
        {"alarm_before_minutes": 5},  # it is due at the same moment
        {"alarm_before_minutes": 0},
        {"status": "cancelled"},
    ],
)
def test_where_no_alarm_went_before_there_is_nothing_to_pass_on(
    conn: Connection, day: LessonDay, columns: dict[str, Any]
) -> None:
    a_lesson(conn, **columns)

    day.at("13:45")
    day.at("13:55")

    assert parents_mails(day) == 0


def test_a_session_that_moves_away_passes_its_alarm_on_before_the_new_start(
    conn: Connection, day: LessonDay
) -> None:
    session = a_lesson(conn)
    day.at("13:45")
    day.write("UPDATE tutor_sessions SET start_time = '16:00', end_time = '17:00' WHERE id = :id",
              id=session)  # fmt: skip

    day.at("13:55")
    assert [mail for mail in day.mails_to(PARENT) if "Not acknowledged" in mail.subject] == []
    day.at("15:45")
    day.at("15:55")

    assert [mail.subject for mail in day.mails_to(PARENT) if "Not ack" in mail.subject] != []


def test_quiet_hours_hold_no_alarm_that_is_passed_on(conn: Connection, day: LessonDay) -> None:
    a_lesson(conn)
    day.write("INSERT INTO session_worker.preference (person_id, quiet_from, quiet_until)"
              " SELECT id, '13:00', '20:00' FROM users WHERE email = :email",
              email=PARENT)  # fmt: skip

    day.at("13:45")
    day.at("13:55")

    assert len(day.mails_to(PARENT)) == 1


def test_a_pause_holds_it_until_the_channel_is_resumed(conn: Connection, day: LessonDay) -> None:
    a_lesson(conn)
    day.at("13:45")
    day.write("INSERT INTO session_worker.pause (channel) VALUES ('email')")
    day.at("13:55")
    assert parents_mails(day) == 0

    day.write("DELETE FROM session_worker.pause")
    day.at("13:57")

    assert parents_mails(day) == 2


def test_after_the_start_nothing_is_passed_on(conn: Connection, day: LessonDay) -> None:
    a_lesson(conn)
    day.at("13:45")

    day.at("14:00")

    assert parents_mails(day) == 0


def test_without_the_setting_nobody_else_hears(conn: Connection, make_day: MakeDay) -> None:
    day = make_day()
    a_lesson(conn)

    day.at("13:45")
    day.at("13:55")

    assert parents_mails(day) == 0
    assert day.states("escalation") == {}


def test_children_with_one_start_are_one_message_to_their_parent(
    conn: Connection, day: LessonDay
) -> None:
    parent = a_parent(conn, email=PARENT)
    for _ in range(2):
        a_session(conn, student_id=a_student(conn, parent_id=[parent]), **ALARM)

    day.at("13:45")
    day.at("13:55")

    assert len(day.mails_to(PARENT)) == 1


def test_the_tick_passes_it_on_by_itself(conn: Connection, day: LessonDay) -> None:
    from models.catalog import read_catalog
    from scheduler.reminders.tick import tick

    a_lesson(conn)
    settings, catalog = day.tools.settings, read_catalog(conn)
    tick(conn, catalog, settings, wall("13:40"))  # the first one sends nothing
    for clock in ("13:53", "13:54"):
        tick(conn, catalog, settings, wall(clock))

    kinds = conn.scalars(text("SELECT kind FROM session_worker.delivery ORDER BY id")).all()
    assert kinds.count("escalation") == 2


@pytest.mark.parametrize(
    "words", ["parent", "5m", "5m:uncle", "0m:parent", "soon:parent", "8d:tutor"]
)
def test_an_unreadable_setting_is_refused(words: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^ESCALATE: .*5m:parent"):
        load_settings(_env_file=None, escalate=words)


def test_the_setting_names_a_time_and_a_role() -> None:
    escalate = load_settings(_env_file=None, escalate=" 10m : tutor ").escalate

    assert escalate is not None
    assert (escalate.minutes, escalate.role) == (10, Role.TUTOR)
