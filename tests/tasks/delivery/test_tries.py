"""Results of a try, with a mail server and a web server that answer as configured."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import About, Outcome, Result
from tests.builders import a_session, a_student, a_tutor
from tests.sinks.http import HttpSink
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay

TUTOR = "tutor@tutoring.example"
LOST = "BODY"  # the mail was handed over


@pytest.fixture
def reminded(conn: Connection) -> int:
    """A session whose tutor has an e-mail address and a mobile phone."""
    tutor = a_tutor(conn, email=TUTOR, phone="+251911223344")
    return a_session(conn, tutor_id=tutor, notification_enabled=True)


def row(day: LessonDay) -> Any:
    """The reminder an hour before."""
    found = day.conn.execute(
        text("SELECT * FROM session_worker.delivery WHERE lead_minutes = 60")
    ).one()
    day.conn.commit()
    return found


def tries(day: LessonDay) -> list[Any]:
    found = day.conn.execute(
        text("SELECT channel, outcome, final, message_key FROM session_worker.attempt ORDER BY id")
    ).all()
    day.conn.commit()
    return [*found]


def test_a_mail_that_the_server_refuses_for_now_is_tried_again_later(
    day: LessonDay, reminded: int
) -> None:
    day.sink.reply("RCPT", "451 4.3.0 later", times=1)
    report = day.at("13:00")

    assert (report.sent, report.failed) == (0, 1)
    assert row(day).state == "failed"
    day.at("13:00:10")
    assert day.sink.accepted == []
    day.at("13:00:20")
    assert row(day).state == "sent"


def test_a_repeat_after_no_answer_has_the_same_message_id_and_date(
    day: LessonDay, reminded: int
) -> None:
    day.sink.disconnect("BODY", times=1)
    day.at("13:00")
    day.at("13:01")

    first, second = day.mails_to(TUTOR)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert dates(day) == ["Tue, 01 Dec 2026 10:00:00 +0000"] * 2


def test_a_try_after_a_refusal_is_dated_anew(day: LessonDay, reminded: int) -> None:
    """Nothing was handed over, and spam filters hold a Date of hours ago against a mail."""
    day.sink.reply("BODY", "451 4.3.0 later", times=1)
    day.at("13:00")
    day.at("13:20")

    first, second = day.mails_to(TUTOR)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert dates(day) == [f"Tue, 01 Dec 2026 10:{at}:00 +0000" for at in ("00", "20")]


def test_a_refusal_after_no_answer_leaves_the_date_as_it_was(
    make_day: MakeDay, reminded: int
) -> None:
    day = make_day()
    day.sink.reply("BODY", "451 4.3.0 later", times=1)
    day.at("13:00")
    day.sink.disconnect("BODY", times=1)
    day.at("13:02")
    day.sink.reply("RCPT", "451 4.3.0 later", times=1)
    day.at("13:10")
    day.at("13:20")

    assert dates(day) == [f"Tue, 01 Dec 2026 10:{at}:00 +0000" for at in ("00", "02", "02")]


def dates(day: LessonDay) -> list[str]:
    return [mail.message["Date"] for mail in day.mails_to(TUTOR)]


def test_a_later_try_is_worded_as_is_true_at_its_time(day: LessonDay, reminded: int) -> None:
    day.sink.reply("RCPT", "451 4.3.0 later", times=1)
    day.at("13:00")
    day.at("13:20")

    (mail,) = day.sink.accepted
    assert "begins in 40 minutes" in mail.subject


class Refusing:
    """A channel that refuses the person for now."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, *_: Any) -> Outcome:
        return Outcome(Result.FAILED, "the box is full", about=About.PERSON)


def test_a_person_refused_again_and_again_is_refused_for_good_after_max_attempts(
    make_day: MakeDay, reminded: int
) -> None:
    day = make_day(max_attempts=2)
    full: Any = Refusing(day.tools.channels[ChannelName.EMAIL])
    day.tools = replace(day.tools, channels={ChannelName.EMAIL: full})
    for clock in ("13:00", "13:01", "13:10"):
        day.at(clock)

    found = row(day)
    assert (found.state, found.retry_at, found.attempts) == ("failed", None, 2)


def test_what_a_round_in_the_future_let_expire_comes_back_while_its_start_is_to_come(
    day: LessonDay, reminded: int
) -> None:
    day.at("15:00")
    assert row(day).state == "expired"
    day.at("13:05")

    assert row(day).state == "sent"


def test_a_failure_that_waits_expires_at_the_start(day: LessonDay, reminded: int) -> None:
    day.sink.reply("RCPT", "451 4.3.0 later")
    for clock in ("13:59:59", "14:00"):
        day.at(clock)

    assert row(day).state == "expired"


def test_a_refused_address_is_for_good(day: LessonDay, reminded: int) -> None:
    day.sink.reply("RCPT", "550 5.1.1 no such user")
    day.at("13:00")
    day.at("13:30")

    found = row(day)
    assert (found.state, found.retry_at, found.attempts) == ("failed", None, 1)
    assert "550" in found.reason
    assert TUTOR not in found.reason


def test_a_refused_address_goes_by_the_next_channel_in_the_same_round(
    make_day: MakeDay, reminded: int, http_sink: HttpSink
) -> None:
    day = make_day(channel_webhook=f"json://{http_sink.host}:{http_sink.port}/")
    day.sink.reply("RCPT", "550 5.1.1 no such user")
    day.at("13:00")

    assert (row(day).state, row(day).channel) == ("sent", "webhook")
    assert [(each.channel, each.outcome, each.final) for each in tries(day)] == [
        ("email", "failed", True),
        ("webhook", "sent", False),
    ]


def test_a_mail_that_was_handed_over_and_never_answered_is_repeated_once(
    day: LessonDay, reminded: int
) -> None:
    day.sink.disconnect(LOST)
    day.at("13:00")
    assert (row(day).state, row(day).reason) == ("unknown", "no_answer")
    day.at("13:01")
    day.at("13:10")

    assert len(day.mails_to(TUTOR)) == 2
    assert (row(day).state, row(day).reason) == ("held", "no_answer")
    assert len({each.message_key for each in tries(day)}) == 1


def test_a_channel_that_holds_unknowns_is_not_tried_again(make_day: MakeDay, reminded: int) -> None:
    day = make_day(channel_email_unknown="hold")
    day.sink.disconnect(LOST)
    day.at("13:00")
    day.at("13:10")

    assert len(day.mails_to(TUTOR)) == 1
    assert (row(day).state, row(day).reason) == ("held", "no_answer")


def test_an_unanswered_mail_is_not_repeated_after_the_start(day: LessonDay, reminded: int) -> None:
    day.sink.disconnect(LOST, times=1)
    day.at("13:59:50")
    day.at("14:00:30")

    assert len(day.mails_to(TUTOR)) == 1
    assert row(day).state == "unknown"


def test_a_group_of_which_one_is_cancelled_while_it_waits_names_the_others(
    day: LessonDay, conn: Connection
) -> None:
    tutor = a_tutor(conn, email=TUTOR)
    for name in ("Dawit", "Sara", "Yonas"):
        student = a_student(conn, first_name=name)
        a_session(conn, tutor_id=tutor, student_id=student, notification_enabled=True)
    day.sink.reply("RCPT", "451 4.3.0 later", times=1)
    day.at("13:00")
    day.write(
        "UPDATE tutor_sessions SET status = 'cancelled' WHERE id = (SELECT max(id) FROM"
        " tutor_sessions)"
    )
    day.at("13:01")

    (mail,) = day.sink.accepted
    assert "Dawit" in mail.text
    assert "Sara" in mail.text
    assert "Yonas" not in mail.text


def test_a_server_that_cannot_be_reached_is_a_failure(
    make_day: MakeDay, reminded: int, http_sink: HttpSink
) -> None:
    day = make_day(channel_email="mailto://127.0.0.1:1/?from=worker@tutoring.example&to={email}")
    day.at("13:00")

    assert row(day).state == "failed"
    assert row(day).retry_at is not None
