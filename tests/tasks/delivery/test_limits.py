"""PERSON_RATE, SMS_BUDGET, and the guard against one text five times to one number."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.doctor.patient import Patient
from scheduler.doctor.sms_spent import check_sms_budget
from tasks.admin.explain import explain_session
from tests.builders import a_session, a_student, a_tutor
from tests.sinks.http import Answer, HttpSink
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

TUTOR = "tutor@tutoring.example"
# One number, as people type it: the site takes no text twice.
SPELLINGS = ("0911223344", "+251911223344", "00251911223344", "0911 223344", "0911-223344",
             "0911 22 33 44")  # fmt: skip


def reminders(conn: Connection, *starts: str, **columns: Any) -> list[int]:
    """Sessions of one tutor at these starts, whose reminders are due an hour before."""
    tutor = a_tutor(conn, email=TUTOR)
    return [
        a_session(conn, tutor_id=tutor, start_time=start, end_time=None, duration=5,
                  **{"notification_enabled": True, **columns})
        for start in starts
    ]  # fmt: skip


def states(day: LessonDay) -> list[tuple[str, str | None]]:
    rows = day.read(
        "SELECT state, reason FROM session_worker.delivery WHERE lead_minutes <> 1440 ORDER BY id"
    )
    return [(row.state, row.reason) for row in rows]


def test_beyond_the_rate_a_message_waits_until_the_oldest_is_an_hour_old(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(person_rate="3/h", reminder_leads="3h")
    sessions = reminders(conn, "16:00", "16:10", "16:20", "16:30", "16:40")
    day.at("13:45")

    assert len(day.mails_to(TUTOR)) == 3
    assert states(day)[3:] == [("planned", "person_rate")] * 2
    [send_after] = {row.send_after for row in day.read(
        "SELECT send_after FROM session_worker.delivery WHERE reason = 'person_rate'")}  # fmt: skip
    assert send_after == wall("14:45")
    told = explain_session(day.tools.settings, wall("13:50"), sessions[4]).people[0].story
    assert any(each.what == "waits" and "PERSON_RATE" in each.detail for each in told)
    day.at("14:46")

    assert len(day.mails_to(TUTOR)) == 5


def test_what_waits_for_the_rate_expires_with_its_session(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(person_rate="1/h", reminder_leads="15m")
    reminders(conn, "14:00", "14:05")
    day.at("13:50")
    day.at("14:06")

    assert states(day) == [("sent", None), ("expired", "begun")]


def test_an_alarm_neither_waits_nor_counts(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(person_rate="1/h", reminder_leads="15m", alarm_recipients="tutor")
    reminders(conn, "14:00", "14:01", "14:02", alarm_enabled=True, notification_enabled=False)
    day.write("UPDATE tutor_sessions SET notification_enabled = true WHERE start_time = '14:02'")
    day.at("13:50")

    assert {state for state, _ in states(day)} == {"sent"}


def test_one_persons_rate_keeps_nobody_else(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(person_rate="1/h", reminder_leads="15m")
    for _ in range(3):
        a_session(conn, notification_enabled=True)
    day.at("13:50")

    assert states(day) == [("sent", None)] * 3


def test_a_repeated_try_does_not_count_against_itself(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(person_rate="1/h", reminder_leads="1h")
    reminders(conn, "14:00")
    day.sink.reply("RCPT", "451 4.7.1 later")
    day.at("13:00")
    day.sink.reset()
    day.at("13:20")

    assert states(day) == [("sent", None)]


@pytest.mark.parametrize("rate", ["20/h", ""])
def test_twenty_an_hour_is_the_default_and_it_can_be_switched_off(
    make_day: MakeDay, conn: Connection, rate: str
) -> None:
    changes = {"person_rate": rate} if rate == "" else {}
    day = make_day(reminder_leads="3h", **changes)
    reminders(conn, *(f"16:{minute:02}" for minute in range(25)))
    day.at("13:45")

    assert len(day.mails_to(TUTOR)) == (20 if rate else 25)


@pytest.fixture
def make_sms_day(make_day: MakeDay, http_sink: HttpSink) -> MakeDay:
    gateway = f"json://{http_sink.host}:{http_sink.port}/sms?to={{phone}}"
    return lambda **changes: make_day(channel_sms=gateway, **changes)


def alarms(conn: Connection, count: int, **session: Any) -> None:
    """An alarm each for so many students with a number of their own."""
    for number in range(count):
        student = a_student(conn, email=None, phone=f"09112233{10 + number}")
        a_session(conn, student_id=student, alarm_enabled=True, **session)


def alarms_to_one_phone(conn: Connection, count: int) -> None:
    """Children of one phone, with lessons of one tutor, of the same name and hour."""
    tutor = a_tutor(conn)
    for phone in SPELLINGS[:count]:
        a_session(conn, tutor_id=tutor, student_id=a_student(conn, email=None, phone=phone),
                  alarm_enabled=True)  # fmt: skip


def spent(day: LessonDay) -> list[tuple[str, int]]:
    rows = day.read("SELECT month::text, parts FROM session_worker.sms_month")
    return [(row.month, row.parts) for row in rows]


def test_what_the_budget_has_no_room_for_is_unreachable_and_the_doctor_says_so(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    day = make_sms_day(sms_budget=2)
    alarms(conn, 3)
    day.at("13:45")

    assert len(http_sink.requests) == 2
    assert sorted(states(day)) == [("sent", None)] * 2 + [("unreachable", "sms_budget")]
    assert spent(day) == [("2026-12-01", 2)]
    patient = Patient(conn, None, day.tools.settings, wall("15:00"))  # type: ignore[arg-type]
    [finding] = check_sms_budget(patient)
    assert "2 of 2 parts of SMS are used up in 2026-12" in finding.detail


def test_beyond_the_budget_a_message_goes_by_the_next_channel(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    day = make_sms_day(sms_budget=1)
    alarms(conn, 2)
    conn.execute(text("UPDATE users SET email = id || '@both.example' WHERE phone IS NOT NULL"))
    conn.execute(
        text("INSERT INTO session_worker.preference (person_id, channels)"
             " SELECT id, '{sms,email}' FROM users WHERE phone IS NOT NULL")
    )  # fmt: skip
    day.at("13:45")

    assert (len(http_sink.requests), len(day.sink.mails)) == (1, 1)
    assert states(day) == [("sent", None)] * 2


def test_a_message_that_was_refused_costs_nothing(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    day = make_sms_day(sms_budget=5)
    alarms(conn, 1)
    http_sink.answer(Answer(400))
    day.at("13:45")

    assert spent(day) == [("2026-12-01", 0)]


def test_a_greater_budget_opens_the_month_again(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    alarms(conn, 2)
    make_sms_day(sms_budget=1).at("13:45")
    conn.execute(text("UPDATE session_worker.delivery SET state = 'planned', reason = NULL"
                      " WHERE state = 'unreachable'"))  # fmt: skip
    day = make_sms_day(sms_budget=10)
    day.at("13:46")

    assert states(day) == [("sent", None)] * 2


def test_the_fifth_same_text_to_one_number_is_held_until_an_admin_decides(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    day = make_sms_day()
    alarms_to_one_phone(conn, 6)
    day.at("13:45")

    assert len(http_sink.requests) == 4
    assert sorted(states(day)) == [("held", "same_text")] * 2 + [("sent", None)] * 4
    [batch] = day.read("SELECT * FROM session_worker.held_batch")
    assert batch.cause == "same_text"
    day.write(
        "UPDATE session_worker.delivery SET state = 'planned', reason = 'released_by_admin'"
        " WHERE state = 'held'"
    )
    day.at("13:46")

    assert len(http_sink.requests) == 6


def test_another_number_and_another_text_are_not_the_same(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    day = make_sms_day()
    alarms(conn, 6)
    for number, phone in enumerate(SPELLINGS):
        a_session(conn, subject=f"Subject {number}", alarm_enabled=True,
                  student_id=a_student(conn, email=None, phone=phone))  # fmt: skip
    day.at("13:45")

    assert len(http_sink.requests) == 12


def test_half_an_hour_later_the_text_may_go_again(
    make_sms_day: MakeDay, conn: Connection, http_sink: HttpSink
) -> None:
    day = make_sms_day()
    alarms_to_one_phone(conn, 4)
    day.at("13:45")
    day.write("UPDATE session_worker.sms_text SET said_at = said_at - interval '31 minutes'")
    tutor = int(conn.scalar(text("SELECT max(tutor_id) FROM tutor_sessions")) or 0)
    a_session(conn, tutor_id=tutor, alarm_enabled=True,
              student_id=a_student(conn, email=None, phone=SPELLINGS[4]))  # fmt: skip
    day.at("13:45")

    assert len(http_sink.requests) == 5
    [(texts,)] = day.read("SELECT count(DISTINCT digest) FROM session_worker.sms_text")
    assert texts == 1
