"""The flood guard: too many changes or overdue reminders at once are held for an admin."""

from datetime import time

import pytest
from sqlalchemy import Connection

from models.catalog import read_catalog
from scheduler.doctor.patient import Patient
from scheduler.doctor.stuck import check_batches
from scheduler.reminders.moves.admin import drop_batch, release_batch
from scheduler.reminders.moves.flood_guard import usual_limit
from tests.builders import a_session, a_tutor
from tests.scheduler.ledger.rows import a_delivery, an_attempt
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

REMINDED = {"notification_enabled": True}
TOLD = {"reminder_leads": "1h", "flood_limit": 3}


def tutors(conn: Connection, count: int) -> None:
    """Each with one session at 14:00."""
    for _ in range(count):
        a_session(conn, end_time=None, **REMINDED)


def states(day: LessonDay, kind: str) -> list[tuple[str, str | None]]:
    rows = day.read(
        "SELECT DISTINCT state, reason FROM session_worker.delivery"
        f" WHERE kind = '{kind}' ORDER BY state"
    )
    return [tuple(row) for row in rows]


def move_all(day: LessonDay) -> None:
    day.write("UPDATE tutor_sessions SET start_time = start_time + interval '2 hours'")


@pytest.fixture
def flooded(make_day: MakeDay, conn: Connection) -> LessonDay:
    """Four tutors were reminded, then all their sessions were moved; the limit is three."""
    day = make_day(**TOLD)
    tutors(conn, 4)
    day.at("13:00")
    move_all(day)
    day.at("13:10")
    return day


def test_more_notices_than_the_limit_are_held(flooded: LessonDay) -> None:
    assert states(flooded, "notice") == [("held", "flood")]
    assert len(flooded.sink.mails) == 4


def test_as_many_as_the_limit_go(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(**TOLD)
    tutors(conn, 3)
    day.at("13:00")
    move_all(day)
    day.at("13:10")

    assert states(day, "notice") == [("sent", None)]


def test_messages_are_counted_not_sessions(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(**TOLD)
    tutor = a_tutor(conn)
    for hour in range(14, 22):
        a_session(conn, tutor_id=tutor, start_time=time(hour), end_time=None, **REMINDED)
    for hour in range(13, 21):
        day.at(f"{hour}:00")
    day.write("UPDATE tutor_sessions SET session_date = session_date + 1")
    day.at("13:10")

    assert states(day, "notice") == [("sent", None)]


def test_the_doctor_names_the_cause_and_the_cure(flooded: LessonDay) -> None:
    catalog = read_catalog(flooded.conn)
    patient = Patient(flooded.conn, catalog, flooded.tools.settings, wall("13:11"))
    (finding,) = check_batches(patient)

    assert "4 sessions changed at Tue 2026-12-01 13:10: 4 messages, FLOOD_LIMIT 3" in finding.detail
    assert "deliveries release --batch" in finding.cure


def test_a_held_change_is_not_planned_again(flooded: LessonDay) -> None:
    flooded.at("13:11")

    assert states(flooded, "notice") == [("held", "flood")]
    assert len(flooded.read("SELECT id FROM session_worker.held_batch")) == 1


def test_what_an_admin_releases_goes(flooded: LessonDay) -> None:
    release_batch(flooded.conn, batch_of(flooded), wall("13:12"))
    flooded.at("13:12")

    assert states(flooded, "notice") == [("sent", None)]
    assert len(flooded.sink.mails) == 8


def test_what_an_admin_drops_is_never_sent(flooded: LessonDay) -> None:
    drop_batch(flooded.conn, batch_of(flooded), wall("13:12"))
    flooded.at("13:12")
    flooded.at("13:13")

    assert states(flooded, "notice") == [("obsolete", "dropped_by_admin")]


def test_a_change_after_the_flood_is_told(flooded: LessonDay) -> None:
    flooded.write("UPDATE tutor_sessions SET status = 'cancelled' WHERE id = 1")
    flooded.at("13:20")

    assert len(flooded.sink.mails) == 5


def batch_of(day: LessonDay) -> int:
    return int(day.read("SELECT id FROM session_worker.held_batch")[0].id)


def test_overdue_reminders_are_held_too(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(**TOLD)
    tutors(conn, 4)
    report = day.at("13:30")

    assert states(day, "reminder") == [("held", "flood")]
    assert (report.planned, report.sent, report.obsolete) == (4, 0, 0)
    (batch,) = day.read("SELECT cause, detail FROM session_worker.held_batch")
    assert batch.detail.startswith("reminders of 4 sessions were overdue at Tue 2026-12-01 13:30")


def test_reminders_and_alarms_that_fall_due_on_time_are_never_held(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(**TOLD, alarm_recipients="student,tutor")
    for _ in range(10):
        a_session(conn, alarm_enabled=True, alarm_before_minutes=60, **REMINDED)
    report = day.at("13:00")

    assert report.sent == 30


def test_an_overdue_alarm_is_never_held(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(**TOLD)
    for _ in range(4):
        a_session(conn, alarm_enabled=True, alarm_before_minutes=15)

    assert day.at("13:55").sent == 4


def test_alarms_are_not_held_beside_a_flood(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(**TOLD)
    for _ in range(4):
        a_session(conn, alarm_enabled=True, alarm_before_minutes=15, **REMINDED)
    report = day.at("13:45")

    assert states(day, "alarm") == [("sent", None)]
    assert states(day, "reminder") == [("held", "flood")]
    assert report.sent == 4


def test_by_default_200_messages_are_no_flood(conn: Connection) -> None:
    assert usual_limit(conn, wall("13:30")) == 200


def test_by_default_the_busiest_minute_of_the_week_counts_ten_times(conn: Connection) -> None:
    """21 messages went within a minute the day before: 210 are no flood."""
    told = a_delivery(conn, state="sent", starts_at=wall("10:00"))
    for second in range(21):
        an_attempt(conn, told, begun_at=wall(f"10:00:{second:02}", -1))

    assert usual_limit(conn, wall("13:30")) == 210


def test_by_hand_only_a_limit_that_was_set_holds(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(reminder_leads="1h", outbox="log")
    tutors(conn, 201)

    assert day.at("13:30").sent == 201
