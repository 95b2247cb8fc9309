"""RabbitMQ as it is really set up: queues of other kinds, and a broker that goes and comes."""

from collections.abc import Iterator
from time import monotonic

import pytest
from kombu import Connection as Broker
from kombu import Queue
from sqlalchemy import Connection

from tasks.demo.servers import Workspace
from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, in_wall_time, mail_channel
from tests.rabbitmq import RabbitMq, rabbitmq
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

HANDFUL = 5


@pytest.fixture
def alarms(conn: Connection) -> None:
    """One each second, for two minutes."""
    for each in range(120):
        student = a_student(conn, email=f"student{each}@tutoring.example")
        start = in_wall_time(60 + each / 60)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60, **start)
    after_the_first_tick(conn)


@pytest.fixture(scope="module")
def server(workspace: Workspace) -> Iterator[RabbitMq]:
    """Each test has a virtual host of its own there."""
    with rabbitmq(workspace) as server:
        yield server


@pytest.mark.usefixtures("alarms")
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_host_whose_default_are_quorum_queues_is_worked_with(
    database: str, server: RabbitMq, smtp_sink: SmtpSink, kind: str
) -> None:
    broker = server.virtual_host(f"{kind}-on-quorum", default_queue_type="quorum")
    environment = {"BROKER_QUEUES": kind, **mail_channel(smtp_sink)}
    with running(database, broker, **environment) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        assert "Traceback" not in site.log()


@pytest.mark.usefixtures("alarms")
def test_queues_that_an_admin_made_are_taken_as_they_are(
    database: str, server: RabbitMq, smtp_sink: SmtpSink
) -> None:
    url = server.virtual_host("admin")
    with Broker(url) as broker, broker.channel() as channel:
        Queue("planning", queue_arguments={"x-max-length": 1000})(channel).declare()
        Queue("delivery", queue_arguments={"x-queue-type": "quorum"})(channel).declare()
    with running(database, url, **mail_channel(smtp_sink)) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        assert "Traceback" not in site.log()


@pytest.mark.usefixtures("alarms")
def test_the_worker_is_back_after_a_restart_and_few_ticks_wait(
    database: str, server: RabbitMq, smtp_sink: SmtpSink
) -> None:
    url = server.virtual_host("restarted")
    with running(database, url, **mail_channel(smtp_sink)) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        server.control("stop_app")
        eventually(lambda: "the broker cannot be reached" in site.log())
        server.control("start_app")
        ended, before = monotonic(), len(smtp_sink.mails)

        eventually(lambda: len(smtp_sink.mails) > before)
        print(f"measured: RabbitMQ restarted: {monotonic() - ended:.1f} s")
        assert [process.poll() for process in site.processes] == [None, None]
        assert "Traceback" not in site.log()
        site.processes[0].kill()
        began = monotonic()
        eventually(lambda: monotonic() - began > 2 * HANDFUL)

        assert (
            server.messages("restarted")["planning"] <= HANDFUL + 3
        )  # those that the worker had taken
