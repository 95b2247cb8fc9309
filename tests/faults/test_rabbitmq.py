"""RabbitMQ as it is really set up: queues of other kinds, and a broker that goes and comes."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from time import monotonic

import pytest
from kombu import Connection as Broker
from kombu import Exchange, Queue
from sqlalchemy import Connection

from scheduler.reminders.moves.claims import claim
from tasks.delivery.dispatch import post
from tasks.demo.servers import Workspace
from tasks.worker.app import WorkerApp
from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import BACK_SECONDS, after_the_first_tick, in_wall_time, mail_channel
from tests.faults.test_broker_comes_back import (
    await_late_alarms,
    late_alarms,
    seconds_until_a_message,
)
from tests.rabbitmq import RabbitMq, rabbitmq
from tests.scheduler.ledger.rows import NOW, a_delivery, row_of
from tests.servers import engine_on
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

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


Trouble = Callable[[RabbitMq], object]
# How it begins and ends.
TROUBLES: dict[str, tuple[Trouble, Trouble]] = {
    "is stopped": (
        lambda server: server.control("stop_app"),
        lambda server: server.control("start_app"),
    ),
    "has no memory left": (
        lambda server: server.control("set_vm_memory_high_watermark", "absolute", "1MB"),
        lambda server: server.control("set_vm_memory_high_watermark", "0.8"),
    ),
    "is frozen": (
        lambda server: os.kill(server.pid, signal.SIGSTOP),
        lambda server: os.kill(server.pid, signal.SIGCONT),
    ),
}


@pytest.mark.usefixtures("alarms")
def test_the_worker_is_back_whatever_its_broker_had_and_few_ticks_wait(
    conn: Connection, database: str, server: RabbitMq, smtp_sink: SmtpSink
) -> None:
    url = server.virtual_host("restarted")
    with running(database, url, **mail_channel(smtp_sink)) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        for trouble, (begin, end) in TROUBLES.items():
            begin(server)
            await_late_alarms(conn, 4)
            end(server)
            seconds = seconds_until_a_message(smtp_sink)
            print(f"measured: RabbitMQ {trouble}: {seconds:.1f} s")
            assert seconds < BACK_SECONDS, trouble
            assert [process.poll() for process in site.processes] == [None, None], trouble
            eventually(lambda: late_alarms(conn) == 0)
        assert "Traceback" not in site.log()
        site.processes[0].kill()
        began = monotonic()
        eventually(lambda: monotonic() - began > 2 * HANDFUL)

        assert (
            server.messages("restarted")["planning"] <= HANDFUL + 3
        )  # those that the worker had taken


def test_an_exchange_that_is_declared_otherwise_costs_no_batch(
    conn: Connection, database: str, server: RabbitMq
) -> None:
    """amqp.exceptions.PreconditionFailed, which is no error of kombu's."""
    url = server.virtual_host("otherwise")
    with Broker(url) as broker, broker.channel() as channel:
        Exchange("planning", "fanout")(channel).declare()
    due = a_delivery(conn, send_after=NOW)
    [batch] = claim(conn, NOW, 1, 1, timedelta(minutes=1))
    conn.commit()
    with WorkerApp("sender", set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=url)

        assert not post(app, engine_on(database), batch)
    assert row_of(conn, due).state == "planned"
