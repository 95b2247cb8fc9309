"""A message that did not arrive, by its receipt: the next channel before the start, never after."""

from collections.abc import Mapping
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from tasks.admin.explain import explain_session
from tests.builders import a_session, a_student, a_tutor
from tests.sinks.http import Answer, HttpSink
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

TUTOR = "tutor@tutoring.example"
WAYS = """
    INSERT INTO session_worker.preference (person_id, channels)
    SELECT id, '{sms,email}' FROM users"""


def gateway(http_sink: HttpSink) -> Mapping[str, str]:
    """Settings of an SMS gateway that gives each message the id 4711."""
    http_sink.answer(Answer(200, b'{"sent": true, "id": 4711}'))
    return {
        "channel_sms": http_sink.url.replace("http", "json") + "/?:to={phone}&:key={key}",
        "channel_sms_accepted": "sent=true",
        "channel_sms_id": "id",
    }


@pytest.fixture
def day(make_day: MakeDay, conn: Connection, http_sink: HttpSink) -> LessonDay:
    """A tutor who gets a reminder by SMS, or else by e-mail, at 13:00."""
    a_session(
        conn,
        tutor_id=a_tutor(conn, email=TUTOR, phone="0911223344"),
        student_id=a_student(conn),
        notification_enabled=True,
    )
    conn.execute(text(WAYS))
    day = make_day(**gateway(http_sink), reminder_leads="1h")
    day.at("13:00")
    return day


def receipt(day: LessonDay, id_: object, status: str, channel: str = "sms") -> bool:
    call = text("SELECT session_worker.receipt(:channel, :id, :status)")
    known = day.conn.scalar(call, {"channel": channel, "id": str(id_), "status": status})
    day.conn.commit()
    return bool(known)


def row(day: LessonDay) -> tuple[str, str | None, str | None, str | None]:
    [found] = day.read("SELECT state, reason, channel, receipt FROM session_worker.delivery")
    return tuple(found)


def key(day: LessonDay) -> UUID:
    return UUID(str(day.read("SELECT message_key FROM session_worker.delivery")[0][0]))


def test_what_did_not_arrive_goes_by_the_next_channel(day: LessonDay) -> None:
    assert row(day) == ("sent", None, "sms", None)
    receipt(day, 4711, "Failed")

    report = day.at("13:05")

    assert row(day) == ("sent", None, "email", None)
    assert len(day.mails_to(TUTOR)) == 1
    assert report.planned == 1


def test_a_receipt_that_comes_again_sends_nothing_again(day: LessonDay) -> None:
    for clock in ("13:05", "13:10"):
        receipt(day, 4711, "Failed")
        receipt(day, 4711, "Rejected")
        day.at(clock)

    assert len(day.mails_to(TUTOR)) == 1


def test_nothing_goes_after_the_start(day: LessonDay) -> None:
    receipt(day, 4711, "Failed")

    day.at("14:00")

    assert row(day) == ("sent", None, "sms", "undelivered")
    assert day.mails_to(TUTOR) == []


def test_without_another_channel_it_stays_sent(day: LessonDay) -> None:
    day.write("UPDATE users SET email = NULL")
    receipt(day, 4711, "Failed")

    report = day.at("13:05")

    assert row(day) == ("sent", "no_other_channel", "sms", "undelivered")
    assert (report.sent, report.failed, report.unreachable) == (0, 0, 0)
    assert day.read("SELECT sent_at FROM session_worker.delivery")[0].sent_at == wall("13:00")


def test_what_the_person_has_seen_has_arrived(day: LessonDay) -> None:
    day.read("SELECT session_worker.acknowledge(id) FROM session_worker.delivery")
    receipt(day, 4711, "Failed")

    day.at("13:05")

    assert row(day)[:3] == ("sent", None, "sms")


def test_a_cancelled_session_is_not_told_by_the_next_channel(day: LessonDay) -> None:
    day.write("UPDATE tutor_sessions SET notification_enabled = false")
    receipt(day, 4711, "Failed")

    day.at("13:05")

    assert row(day)[:2] == ("obsolete", "switched_off")
    assert day.mails_to(TUTOR) == []


@pytest.mark.parametrize("state", ["unknown", "held"])
def test_a_message_without_an_answer_that_arrived_is_sent(day: LessonDay, state: str) -> None:
    day.write(
        "UPDATE session_worker.delivery SET state = :state, reason = 'no_answer', sent_at = NULL",
        state=state,
    )
    day.write("UPDATE session_worker.attempt SET outcome = 'unknown', provider_id = NULL")
    receipt(day, key(day), "delivered")

    day.at("13:05")

    assert row(day) == ("sent", None, "sms", "delivered")


def test_a_receipt_that_comes_before_the_providers_id_waits_for_it(day: LessonDay) -> None:
    day.write("UPDATE session_worker.attempt SET provider_id = NULL")
    assert not receipt(day, 4711, "Failed")
    day.write("UPDATE session_worker.attempt SET provider_id = '4711'")

    day.at("13:05")

    assert row(day)[:3] == ("sent", None, "email")


def test_an_id_that_stays_unknown_is_forgotten(day: LessonDay) -> None:
    day.write("UPDATE session_worker.attempt SET provider_id = NULL")
    receipt(day, "nobody's", "Failed")
    day.write("UPDATE session_worker.receipt SET received_at = received_at - interval '2 hours'")

    day.at("13:05")

    assert day.read("SELECT FROM session_worker.receipt") == []


def test_a_mail_that_fails_after_the_sms_did_not_arrive_is_not_called_sent(
    day: LessonDay,
) -> None:
    day.sink.reply("RCPT", "550 no such user")
    receipt(day, 4711, "Failed")

    day.at("13:05")

    assert row(day)[:3] == ("failed", "550 no such user", "email")


def test_the_story_tells_each_receipt_and_what_followed(day: LessonDay) -> None:
    receipt(day, 4711, "Sent")
    receipt(day, 4711, "Failed:UserIsInactive")
    day.at("13:05")

    [session] = day.read("SELECT id FROM tutor_sessions")
    told = explain_session(day.tools.settings, wall("13:06"), session.id)
    story = [event.detail for person in told.people for event in person.story]
    assert "reminder 1 h before the start: by SMS: Sent: on its way" in story
    assert (
        "reminder 1 h before the start: by SMS: Failed:UserIsInactive: it did not arrive" in story
    )
    again = "again: it did not arrive, so the next channel is tried"
    assert f"reminder 1 h before the start: {again}" in story
