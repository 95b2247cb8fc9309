"""A stop request: no message is begun after it, and messages that were begun are not sent twice."""

import os
import signal

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import (
    after_the_first_tick,
    count,
    in_wall_time,
    mail_channel,
    quick_beat,
    states,
)
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

PEOPLE = 40
ALARMED = {"alarm_enabled": True, "alarm_before_minutes": 60}


def alarms(conn: Connection) -> None:
    for number in range(PEOPLE):
        student = a_student(conn, email=f"student{number}@tutoring.example")
        a_session(conn, student_id=student, **in_wall_time(20), **ALARMED)
    after_the_first_tick(conn)


@pytest.mark.parametrize("whom", [os.kill, os.killpg])  # a container's TERM, and systemd's
def test_after_term_nothing_is_begun_and_what_was_begun_is_recorded(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink, whom: object
) -> None:
    alarms(conn)
    smtp_sink.stall("BODY", seconds=2)
    with running(database, valkey, **mail_channel(smtp_sink)) as site, quick_beat(valkey):
        worker = site.worker()
        eventually(lambda: smtp_sink.stalled["BODY"] >= 2)
        assert callable(whom)
        whom(worker.pid, signal.SIGTERM)
        worker.wait(60)

    begun = len(smtp_sink.mails)
    assert 0 < begun <= 8 + 8  # one for each connection, and those in the signal's first moment
    assert states(conn) == {"sent": begun, "planned": PEOPLE - begun}


def test_what_has_no_answer_when_the_time_to_stop_is_over_is_held_and_not_repeated(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    """The worker does not wait for the mail server's answer, which comes far too late."""
    alarms(conn)
    smtp_sink.stall("BODY", seconds=300)
    with running(database, valkey, **mail_channel(smtp_sink)) as site, quick_beat(valkey):
        worker = site.worker()
        eventually(lambda: smtp_sink.stalled["BODY"] >= 2)
        os.kill(worker.pid, signal.SIGTERM)
        eventually(lambda: count(conn, "sending") == count(conn, "claimed") == 0)
        os.killpg(worker.pid, signal.SIGKILL)

        handed_over = smtp_sink.stalled["BODY"]
        assert states(conn) == {"held": handed_over, "planned": PEOPLE - handed_over}
