"""A broker that takes no writes, is frozen or away: the worker waits, and is back by itself."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
import redis
from sqlalchemy import Connection

from tasks.demo.servers import ValkeyServer, Workspace, start_valkey
from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, in_wall_time, mail_channel
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import Running, running

BACK_SECONDS = 20
TROUBLE_SECONDS = 15
# What an admin reads at the level WARNING.
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
    """A worker and beat at work, with an alarm due each second for two minutes."""
    for each in range(120):
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


TROUBLES: dict[str, tuple[Trouble, Trouble]] = {
    "is a replica": (become_replica, become_primary),
    "wants replicas": (want_replicas, want_none),
    "is full": (be_full, have_room),
    "is frozen": (freeze, thaw),
    "is away": (ValkeyServer.kill, ValkeyServer.start),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_worker_is_back_soon_after_its_broker(
    site: Running, broker: ValkeyServer, smtp_sink: SmtpSink, trouble: str
) -> None:
    begin, end = TROUBLES[trouble]
    begin(broker)
    began, log = monotonic(), site.log()
    eventually(lambda: monotonic() - began > TROUBLE_SECONDS)
    end(broker)
    ended, before = monotonic(), len(smtp_sink.mails)

    eventually(lambda: len(smtp_sink.mails) > before)
    print(f"measured: a broker that {trouble}: {monotonic() - ended:.1f} s")
    assert [process.poll() for process in site.processes] == [None, None]
    said = site.log()
    assert "Traceback" not in said
    loud = LOUD.findall(said)[len(LOUD.findall(log)) :]
    assert 1 <= len([line for line in loud if "the broker cannot be reached" in line]) <= 2
    assert len(loud) <= 8
