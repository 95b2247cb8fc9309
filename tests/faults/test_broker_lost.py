"""Redis may vanish (promise 8): the broker dies empty in the middle of a burst."""

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tasks.demo.servers import ValkeyServer, Workspace, start_valkey
from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

PEOPLE = [f"student{number}@tutoring.example" for number in range(200)]


@pytest.fixture
def broker(workspace: Workspace) -> Iterator[ValkeyServer]:
    server = start_valkey(workspace)
    yield server
    server.stop()


def test_a_broker_that_dies_within_a_burst_costs_no_message_and_doubles_none(
    conn: Connection, database: str, broker: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    start = in_wall_time(10)
    for address in PEOPLE:
        student = a_student(conn, email=address)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60, **start)
    after_the_first_tick(conn)
    smtp_sink.stall("BODY", seconds=0.1)
    with running(database, broker.url(), LEASE_SECONDS="5", **mail_channel(smtp_sink)) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 20)
        broker.kill()
        eventually(lambda: "onnection to broker lost" in site.log())
        assert count(conn, "sent") < len(PEOPLE)
        broker.start()

        eventually(lambda: count(conn, "sent") == len(PEOPLE))

    told = Counter(to for mail in smtp_sink.mails for to in mail.recipients)
    assert told == Counter(PEOPLE)
