"""Valkey behind Sentinel: the primary dies, and is switched over, in the middle of a burst."""

from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
import redis
from sqlalchemy import Connection

from tasks.demo.servers import ValkeyServer, Workspace
from tests.builders import a_session, a_student
from tests.command_line import celery
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.sentinel import Guarded, guarded_valkey
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

BURST = 60


@pytest.fixture(scope="module")
def guarded(workspace: Workspace) -> Iterator[Guarded]:
    with guarded_valkey(workspace) as servers:
        yield servers


def test_a_fail_over_within_a_burst_costs_no_message_and_doubles_none(
    conn: Connection, database: str, guarded: Guarded, smtp_sink: SmtpSink
) -> None:
    people = overdue_alarms(conn, "first", BURST)
    after_the_first_tick(conn)
    smtp_sink.stall("BODY", seconds=0.1)
    environment = {
        **guarded.environment, **mail_channel(smtp_sink),
        "LEASE_SECONDS": "5", "CHANNEL_EMAIL_RATE": "200/s",
    }  # fmt: skip
    with running(database, guarded.url, **environment) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= BURST // 4, within=90)
        killed = guarded.primary()
        killed.kill()
        new = found(eventually(lambda: other_than(killed, guarded)))
        people += first_message(conn, smtp_sink, "failed.over")
        assert window_is_in(new)

        killed.start()
        eventually(lambda: is_followed(new))
        people += overdue_alarms(conn, "second", BURST)
        eventually(lambda: smtp_sink.mails_to(people[-BURST]), within=60)
        eventually(lambda: other_than(new, guarded) or asked_in_vain(guarded), within=60)
        people += first_message(conn, smtp_sink, "switched.over")
        eventually(lambda: count(conn, "sent") == len(people), within=60)

        assert [process.poll() for process in site.processes] == [None, None]
        assert "Traceback" not in site.log()
        settings: dict[str, Any] = {
            "DATABASE_URL": database,
            "REDIS_URL": guarded.url,
            **environment,
        }
        examined = celery("doctor", **settings)
        assert "broker" not in examined.stdout
        assert "worker answers" not in examined.stdout

    told = Counter(to for mail in smtp_sink.mails for to in mail.recipients)
    assert told == Counter(people)


def overdue_alarms(conn: Connection, name: str, number: int, minutes: float = 10) -> list[str]:
    """Alarms that are all due now. Returns their addresses."""
    people = [f"{name}{each}@tutoring.example" for each in range(number)]
    for address in people:
        student = a_student(conn, email=address)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60,
                  **in_wall_time(minutes))  # fmt: skip
    conn.commit()
    return people


def first_message(conn: Connection, sink: SmtpSink, what: str) -> list[str]:
    """About a session that begins before all others, entered now."""
    began = monotonic()
    [address] = overdue_alarms(conn, what, 1, minutes=5)
    eventually(lambda: sink.mails_to(address), within=60)
    print(f"measured: Valkey behind Sentinel {what}: {monotonic() - began:.1f} s")
    return [address]


def other_than(server: ValkeyServer, guarded: Guarded) -> ValkeyServer | None:
    try:
        primary = guarded.primary()
    except redis.ConnectionError:
        return None
    return None if primary is server else primary


def found(server: ValkeyServer | None) -> ValkeyServer:
    assert server is not None
    return server


def asked_in_vain(guarded: Guarded) -> bool:
    guarded.switch_over()
    return False


def is_followed(server: ValkeyServer) -> bool:
    with redis.Redis.from_url(server.url()) as client:
        return bool(client.info("replication")["connected_slaves"])


def window_is_in(server: ValkeyServer) -> bool:
    """The rate's window, which all workers share."""
    with redis.Redis.from_url(server.url()) as client:
        return bool(client.exists("session_worker:rate:email"))


def test_without_any_sentinel_a_command_says_so_in_one_line(database: str) -> None:
    nobody = "sentinel://127.0.0.1:1;sentinel://[::1]:1"
    ended = celery("call", "tasks.planning.tick", DATABASE_URL=database, REDIS_URL=nobody)

    assert ended.returncode == 3
    assert ended.stderr.startswith("Error: the broker cannot be reached: No master found")
    assert len(ended.stderr) < 200
    assert ended.stderr.count("\n") == 1
