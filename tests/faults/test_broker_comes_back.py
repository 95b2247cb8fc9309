"""A broker that refuses writes, hangs or is down: the worker waits, and resumes by itself."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
import redis
from sqlalchemy import Connection, text

from tasks.demo.servers import ValkeyServer, Workspace, start_valkey
from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import BACK_SECONDS, after_the_first_tick, in_wall_time, mail_channel
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import Running, running

pytestmark = pytest.mark.long

# Lines of the log at the level WARNING.
LOUD = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b.*")


@pytest.fixture
def broker(workspace: Workspace) -> Iterator[ValkeyServer]:
    server = start_valkey(workspace)
    yield server
    server.stop()


@pytest.fixture
def site(
    conn: Connection, database: str, broker: ValkeyServer, smtp_sink: SmtpSink
) -> Iterator[Running]:
    """A worker and beat at work, with an alarm due each second for ten minutes."""
    for each in range(600):
        student = a_student(conn, email=f"student{each}@tutoring.example")
        start = in_wall_time(60 + each / 60)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60, **start)
    after_the_first_tick(conn)
    with running(database, broker.url(), **mail_channel(smtp_sink)) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 2)
        yield site


@contextmanager
def admin(broker: ValkeyServer) -> Iterator[Any]:
    with redis.Redis.from_url(broker.url()) as client:
        yield client


Trouble = Callable[[ValkeyServer], None]


def become_replica(broker: ValkeyServer) -> None:
    with admin(broker) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")


def become_primary(broker: ValkeyServer) -> None:
    with admin(broker) as client:
        client.execute_command("REPLICAOF", "NO", "ONE")


def want_replicas(broker: ValkeyServer) -> None:
    with admin(broker) as client:
        client.config_set("min-replicas-to-write", 1)


def want_none(broker: ValkeyServer) -> None:
    with admin(broker) as client:
        client.config_set("min-replicas-to-write", 0)


def be_full(broker: ValkeyServer) -> None:
    with admin(broker) as client:
        client.config_set("maxmemory", "1mb")


def have_room(broker: ValkeyServer) -> None:
    with admin(broker) as client:
        client.config_set("maxmemory", 0)


def freeze(broker: ValkeyServer) -> None:
    os.kill(broker.pid, signal.SIGSTOP)


def thaw(broker: ValkeyServer) -> None:
    os.kill(broker.pid, signal.SIGCONT)


# Begin and end of each trouble, and the number of alarms, one due each second, that have to be late
# meanwhile. A frozen broker is noticed only by a read's time-out of five seconds.
TROUBLES: dict[str, tuple[Trouble, Trouble, int]] = {
    "is a replica": (become_replica, become_primary, 4),
    "wants replicas": (want_replicas, want_none, 4),
    "is full": (be_full, have_room, 4),
    "is frozen": (freeze, thaw, 10),
    "is away": (ValkeyServer.kill, ValkeyServer.start, 4),
}


def test_the_worker_is_back_soon_after_its_broker_whatever_that_had(
    site: Running, broker: ValkeyServer, smtp_sink: SmtpSink, conn: Connection
) -> None:
    """One worker and one beat survive all of them."""
    for trouble, (begin, end, late) in TROUBLES.items():
        said_before = len(LOUD.findall(site.log()))
        begin(broker)
        await_late_alarms(conn, late)
        end(broker)
        seconds = seconds_until_a_message(smtp_sink)

        print(f"measured: a broker that {trouble}: {seconds:.1f} s")
        assert seconds < BACK_SECONDS, trouble
        assert [process.poll() for process in site.processes] == [None, None], trouble
        loud = LOUD.findall(site.log())[said_before:]
        assert len(loud) <= 8, (trouble, loud)
        eventually(lambda: late_alarms(conn) == 0)

    assert "Traceback" not in site.log()
    assert site.is_quiet_about("the broker cannot be reached")


def await_late_alarms(conn: Connection, number: int) -> None:
    eventually(lambda: late_alarms(conn) >= number)


def seconds_until_a_message(sink: SmtpSink) -> float:
    began, before = monotonic(), len(sink.mails)
    eventually(lambda: len(sink.mails) > before)
    return monotonic() - began


LATE = text("""
    SELECT count(*) FROM session_worker.delivery
     WHERE state IN ('planned', 'claimed') AND due_at < now()""")


def late_alarms(conn: Connection) -> int:
    conn.rollback()
    return int(conn.scalar(LATE) or 0)
