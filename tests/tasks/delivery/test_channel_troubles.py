"""Trouble of a channel uses up no tries of a person, and the next channel is used in time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.reminders.moves.claims import claim
from tasks.delivery.batch import work_through
from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.sinks.http import Answer, HttpSink
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

TUTOR = "tutor@tutoring.example"
STUDENT = "student@tutoring.example"


@pytest.fixture
def both(make_day: MakeDay, http_sink: HttpSink) -> LessonDay:
    """E-mail, and a webhook beside it."""
    return make_day(channel_webhook=f"json://{http_sink.host}:{http_sink.port}/")


def alarmed(conn: Connection, count: int = 1) -> None:
    tutor = a_tutor(conn)
    for number in range(count):
        student = a_student(conn, email=f"{number}{STUDENT}")
        a_session(conn, tutor_id=tutor, student_id=student, alarm_enabled=True)


def reminded(conn: Connection) -> None:
    tutor = a_tutor(conn, email=TUTOR)
    a_session(conn, tutor_id=tutor, notification_enabled=True)


def ledger(day: LessonDay) -> list[tuple[Any, ...]]:
    found = day.read(
        "SELECT state, reason, channel FROM session_worker.delivery"
        " WHERE reason IS DISTINCT FROM 'nearer_lead' ORDER BY id"
    )
    return [tuple(row) for row in found]


def trouble(day: LessonDay) -> list[tuple[Any, ...]]:
    found = day.read("SELECT channel, failures, down_since FROM session_worker.channel_trouble")
    return [tuple(row) for row in found]


def test_a_server_that_is_shut_for_long_uses_up_no_tries(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(max_attempts=2)
    reminded(conn)
    day.sink.reply("MAIL", "421 4.3.2 shutting down", times=4)
    for minute in range(5):
        day.at(f"13:{minute * 10:02}")
        day.write("DELETE FROM session_worker.channel_trouble")  # as if it were minutes later

    assert ledger(day) == [("sent", None, "email")]


def test_greylisting_uses_up_no_tries_and_puts_no_channel_down(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day(max_attempts=2)
    reminded(conn)
    day.sink.reply("RCPT", "450 4.2.0 greylisted", times=4)
    for minute in range(5):
        day.at(f"13:{minute * 10:02}")

    assert ledger(day) == [("sent", None, "email")]
    assert trouble(day) == []


@pytest.mark.parametrize("status", [409, 429])
def test_a_provider_that_is_there_and_asks_to_wait_is_not_down(
    both: LessonDay, conn: Connection, http_sink: HttpSink, status: int
) -> None:
    alarmed(conn, 5)
    both.sink.reply("RCPT", "550 5.1.1 no such person")  # so that the webhook has them
    http_sink.answer(Answer(status=status), times=5)
    for minute in (45, 46):
        both.at(f"13:{minute}")

    assert ledger(both) == [("sent", None, "webhook")] * 5
    assert trouble(both) == []


def test_a_provider_that_has_said_too_many_to_ten_in_a_row_is_down(
    both: LessonDay, conn: Connection, http_sink: HttpSink
) -> None:
    alarmed(conn, 12)
    both.sink.reply("RCPT", "550 5.1.1 no such person")
    http_sink.answer(Answer(status=429, headers={"Retry-After": "60"}))
    both.at("13:45")

    (row,) = trouble(both)
    assert (row[0], row[1] >= 10) == ("webhook", True)  # and perhaps a probe
    assert row[2] is not None


def test_a_refused_sender_or_login_is_a_channel_that_is_down_and_no_message_fails_for_good(
    make_day: MakeDay, conn: Connection
) -> None:
    day = make_day()
    alarmed(conn, 5)
    day.sink.reply("MAIL", "550 5.7.1 sender refused", times=3)
    day.at("13:45")
    (row,) = trouble(day)
    assert (row[0], row[1]) == ("email", 3)
    assert row[2] is not None
    assert [each[0] for each in ledger(day)] == ["failed"] * 3 + ["planned"] * 2

    day.write("UPDATE session_worker.channel_trouble SET probe_at = now() - interval '1 s'")
    day.at("13:46")  # the probe finds it mended, and the others follow at once
    assert trouble(day) == []
    day.at("13:46:01")
    assert [each[0] for each in ledger(day)] == ["sent"] * 5


def test_while_a_channel_is_down_its_messages_wait_and_are_not_tried(
    day: LessonDay, conn: Connection
) -> None:
    alarmed(conn, 12)
    day.sink.reply("CONNECT", "554 no service here")
    day.at("13:45")

    waiting = [each for each in ledger(day) if each[:2] == ("planned", "channel_down")]
    tries = day.read("SELECT count(*) FROM session_worker.attempt")[0][0]
    assert 3 <= tries < 12
    assert len(waiting) == 12 - tries


def test_behind_a_call_that_hangs_nobody_waits_for_its_time_to_be_over(
    make_day: MakeDay, conn: Connection
) -> None:
    """Two connections, each with a mail that hangs and three or four behind it."""
    day = make_day(send_timeout="60s")
    alarmed(conn, 9)
    day.sink.stall("CONNECT", 60)
    day.at("13:44:30")
    (batch,) = claim(conn, wall("13:45"), 1, 100, timedelta(minutes=1))
    conn.commit()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work_through, day.tools, batch, lambda: wall("13:45"), timedelta.max)
        eventually(lambda: [each[0] for each in ledger(day)].count("planned") == 7, within=40)
        eventually(lambda: [row[:2] for row in trouble(day)] == [("email", 2)], within=10)
        assert not working.done()
        day.sink.reset()
        working.result()


def test_shortly_before_the_start_the_next_channel_takes_over_at_once(
    both: LessonDay, conn: Connection, http_sink: HttpSink
) -> None:
    alarmed(conn)
    both.sink.reply("RCPT", "451 4.3.0 later")
    both.at("13:57")

    assert ledger(both) == [("sent", None, "webhook")]


def test_long_before_the_start_a_message_waits_for_its_channel(
    both: LessonDay, conn: Connection, http_sink: HttpSink
) -> None:
    reminded(conn)
    both.sink.reply("RCPT", "451 4.3.0 later", times=1)
    both.at("14:00", days=-1)
    assert http_sink.requests == []
    both.at("14:01", days=-1)

    assert ledger(both) == [("sent", None, "email")]


def test_two_channels_that_fail_take_turns_and_not_all_at_once(
    both: LessonDay, conn: Connection, http_sink: HttpSink
) -> None:
    alarmed(conn)
    both.sink.reply("RCPT", "451 4.3.0 later", times=2)
    http_sink.answer(Answer(status=429))
    both.at("13:57")
    tries = both.read("SELECT channel FROM session_worker.attempt ORDER BY id")
    assert [row.channel for row in tries] == ["email", "webhook"]
    both.at("13:57:40")
    both.at("13:58:40")

    assert ledger(both) == [("sent", None, "email")]


def test_near_the_start_a_paused_channel_is_passed_over(both: LessonDay, conn: Connection) -> None:
    alarmed(conn)
    conn.execute(INSERT_PAUSE)
    both.at("13:57")

    assert ledger(both) == [("sent", None, "webhook")]


def test_near_the_start_a_channel_that_is_down_is_passed_over(
    both: LessonDay, conn: Connection
) -> None:
    alarmed(conn)
    conn.execute(INSERT_DOWN)
    both.at("13:57")

    assert ledger(both) == [("sent", None, "webhook")]
    assert both.sink.connections == 0


INSERT_PAUSE = text("INSERT INTO session_worker.pause (channel) VALUES ('email')")
INSERT_DOWN = text("""
    INSERT INTO session_worker.channel_trouble (channel, failures, failed_at, down_since, probe_at)
    VALUES ('email', 3, now(), now(), now() + interval '1 hour')""")
