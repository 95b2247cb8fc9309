"""A pause in the middle of a burst: within two seconds nothing leaves, and nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import Connection, text

from scheduler.reminders.channel_pauses import EVERY_CHANNEL, pause, resume_all
from tasks.database import engine
from tasks.delivery.tools import tools_of
from tests.builders import a_session, a_tutor
from tests.eventually import eventually
from tests.servers import connect
from tests.sinks.http import Answer, HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.delivery.lesson_day import LessonDay, settings_for

BURST = 60


@pytest.fixture
def day(
    database: str, conn: Connection, http_sink: HttpSink, smtp_sink: SmtpSink
) -> Iterator[LessonDay]:
    """A burst of alarms at 13:45, to a webhook."""
    webhook = f"json://{http_sink.host}:{http_sink.port}/{{person_id}}"
    settings = settings_for(database, smtp_sink, channel_email="", channel_webhook=webhook)
    made = engine(settings)
    tutor = a_tutor(conn)
    for _ in range(BURST):
        a_session(conn, tutor_id=tutor, alarm_enabled=True)
    conn.commit()
    yield LessonDay(conn, tools_of(made, settings), smtp_sink)
    made.dispose()


def test_a_pause_holds_within_two_seconds_and_resuming_sends_the_rest_once(
    day: LessonDay, database: str, http_sink: HttpSink
) -> None:
    http_sink.answer(Answer(delay_seconds=0.4))
    worker = Thread(target=day.at, args=("13:45",))
    worker.start()
    eventually(lambda: len(http_sink.requests) >= 3)
    with connect(database) as admin:
        pause(admin, EVERY_CHANNEL, "a bad day", datetime.now(UTC))
        admin.commit()
        paused_at = datetime.now(UTC)
        worker.join()
        told = [request.received_at for request in http_sink.requests]
        reasons = set(admin.scalars(text(
            "SELECT reason FROM session_worker.delivery WHERE state = 'planned'")))  # fmt: skip
        http_sink.answer(Answer())
        resume_all(admin, datetime.now(UTC))
        admin.commit()
    day.at("13:46")

    assert 3 <= len(told) < BURST
    assert max(told) - paused_at < timedelta(seconds=2)
    assert reasons == {"paused"}
    assert len({request.path for request in http_sink.requests}) == BURST
    assert len(http_sink.requests) == BURST
