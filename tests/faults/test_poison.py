"""A message that kills its process each time delays no other, on either broker."""

from collections.abc import Iterator
from time import monotonic

import pytest
from celery import Celery
from sqlalchemy import Connection, text

from tasks.demo.servers import Workspace
from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.rabbitmq import rabbitmq
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

OTHERS = 40
DEADLY_TASKS = 3


@pytest.fixture(params=["valkey", "RabbitMQ"])
def broker(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[str]:
    if request.param == "valkey":
        yield request.getfixturevalue("valkey")
        return
    with rabbitmq(workspace) as server:
        yield server.virtual_host("poison")


def test_a_message_that_kills_its_process_keeps_no_other_waiting(
    conn: Connection, database: str, broker: str, smtp_sink: SmtpSink
) -> None:
    others = [f"student{number}@tutoring.example" for number in range(OTHERS)]
    for number, address in enumerate(["words@poison.example", "call@poison.example", *others]):
        student = a_student(conn, email=address)
        start = in_wall_time(10 if number < 2 else 11)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60, **start)
    after_the_first_tick(conn)
    smtp_sink.stall("BODY", seconds=0.1)
    with (
        running(database, broker, LEASE_SECONDS="5", **mail_channel(smtp_sink)) as site,
        Celery(broker=broker, set_as_current=False) as app,
    ):
        for queue in ("planning", "delivery") * DEADLY_TASKS:
            app.send_task("tests.faults.poison.die", queue=queue)
        site.worker(app="tests.faults.poison")
        site.beat()
        eventually(lambda: count(conn, "sent") > 0 or deaths(conn) > 0, within=90)
        began = monotonic()
        eventually(lambda: count(conn, "sent") == OTHERS, within=150)
        print(f"measured: {OTHERS} messages beside two deadly ones: {monotonic() - began:.1f} s")
        eventually(lambda: deaths(conn) > 2, within=60)

        assert [process.poll() for process in site.processes] == [None, None]
        assert {to for mail in smtp_sink.mails for to in mail.recipients} == {*others}
        assert site.log().count("poison.die") < 4 * 2 * DEADLY_TASKS  # each was taken once


def deaths(conn: Connection) -> int:
    """Largest number of process deaths recorded for an unsent message."""
    conn.rollback()
    found = conn.scalar(
        text("SELECT max(deaths) FROM session_worker.delivery WHERE state <> 'sent'")
    )
    return int(found or 0)
