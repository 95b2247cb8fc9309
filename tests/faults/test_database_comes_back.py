"""PostgreSQL switched over, hanging or vanished: the worker resumes by itself."""

import os
import signal
from collections.abc import Iterator
from time import monotonic

import pytest
from sqlalchemy import Connection, text

from scheduler.settings import load_settings
from tasks.database import ServerUnreachable, answer, engine
from tasks.demo.servers import PostgresServer, Workspace
from tests.builders import a_session, a_student
from tests.command_line import Commands
from tests.eventually import eventually
from tests.faults.rounds import (
    BACK_SECONDS,
    after_the_first_tick,
    count,
    in_wall_time,
    mail_channel,
)
from tests.faults.standby import primary_with_site, promote, socket_of, standby_of, url_by
from tests.relay import Relay
from tests.servers import connect
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def primary(workspace: Workspace) -> Iterator[PostgresServer]:
    server = primary_with_site(workspace)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def standby(workspace: Workspace, primary: PostgresServer) -> Iterator[PostgresServer]:
    """It stays one: whoever promotes it takes one of its own."""
    server = standby_of(workspace, primary)
    yield server
    server.kill()


@pytest.fixture
def pair(workspace: Workspace) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary and a standby that the test may switch over."""
    primary = primary_with_site(workspace)
    standby = standby_of(workspace, primary)
    yield primary, standby
    primary.kill()
    standby.kill()


def alarms(conn: Connection, number: int) -> None:
    """Sessions in an hour whose alarms are due one a second from now on."""
    for each in range(number):
        student = a_student(conn, email=f"student{each}@tutoring.example")
        start = in_wall_time(60 + each / 60)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60, **start)
    after_the_first_tick(conn)


def replicated(primary: PostgresServer, standby: PostgresServer) -> bool:
    with connect(primary.url("postgres")) as conn:
        at = conn.scalar(text("SELECT pg_current_wal_lsn()"))
    with connect(standby.url("postgres")) as conn:
        ahead = text("SELECT pg_last_wal_replay_lsn() >= CAST(:at AS pg_lsn)")
        return bool(conn.scalar(ahead, {"at": at}))


def test_a_switch_over_behind_one_address_costs_no_alarm(
    pair: tuple[PostgresServer, PostgresServer], valkey: str, smtp_sink: SmtpSink
) -> None:
    primary, standby = pair
    with connect(primary.url("site")) as conn:
        alarms(conn, 40)
    with (
        Relay(socket_of(primary)) as relay,
        running(url_by(relay), valkey, **mail_channel(smtp_sink)) as site,
    ):
        worker, beat = site.worker(), site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        # As repmgr or Patroni do it: the old primary is left as a standby of the new one. Here
        # the address leads to what takes no writes, for a while.
        eventually(lambda: replicated(primary, standby))
        relay.point_at(socket_of(standby))
        relay.hang_up()
        eventually(lambda: "takes no writes" in site.log())
        promote(standby)
        ended, before = monotonic(), len(smtp_sink.mails)

        eventually(lambda: len(smtp_sink.mails) > before)
        seconds = monotonic() - ended
        print(f"measured: first message {seconds:.1f} s after the switch-over")
        assert seconds < BACK_SECONDS
        with connect(standby.url("site")) as conn:
            eventually(lambda: count(conn, "sent") + count(conn, "held") == 40)
        assert (worker.poll(), beat.poll()) == (None, None)
        assert "Traceback" not in site.log()
        assert site.is_quiet_about("takes no writes")


def test_a_connection_that_leads_to_a_new_standby_is_given_up(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    with Relay(socket_of(standby)) as relay:
        made = engine(load_settings(database_url=url_by(relay) + "?target_session_attrs=any"))
        with pytest.raises(ServerUnreachable, match="takes no writes"), made.begin() as conn:
            conn.execute(text("DELETE FROM session_worker.heartbeat"))
        relay.point_at(socket_of(primary))

        with made.begin() as conn:
            conn.execute(text("DELETE FROM session_worker.heartbeat"))


@pytest.mark.parametrize("command", ["remind", "doctor", "expand", "setup"])
def test_a_command_on_a_standby_is_one_line(
    standby: PostgresServer, valkey: str, command: str
) -> None:
    with connect(standby.url("site")) as conn:
        ended = Commands(conn, standby.url("site")).run(command, REDIS_URL=valkey)

    assert ended.exit_code == 3
    assert ended.stderr.count("\n") == 1
    assert "takes no writes: it is a standby" in ended.stderr


def test_of_two_hosts_the_one_that_takes_writes_is_used(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    with Relay(socket_of(standby)) as first, Relay(socket_of(primary)) as second:
        made = engine(load_settings(database_url=url_by(second, f"{first.host}:{first.port}")))

        with made.connect() as conn:
            assert conn.scalar(text("SELECT pg_is_in_recovery()")) is False


def test_a_host_that_says_nothing_is_waited_for_once(primary: PostgresServer) -> None:
    with Relay(socket_of(primary)) as silent, Relay(socket_of(primary)) as good:
        silent.swallow()
        made = engine(load_settings(database_url=url_by(good, f"{silent.host}:{silent.port}")))
        with made.connect(), made.connect():
            pass

        assert (silent.taken, good.taken) == (1, 2)


def test_a_server_behind_a_proxy_that_swallows_is_given_up(
    primary: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "ASK_AFTER_SECONDS", 1.0)
    monkeypatch.setattr(answer, "ANSWER_SECONDS", 1.0)
    with (
        Relay(socket_of(primary)) as relay,
        engine(load_settings(database_url=url_by(relay))).connect() as conn,
    ):
        conn.scalar(text("SELECT 1"))
        relay.swallow()
        began = monotonic()

        with pytest.raises(ServerUnreachable):
            conn.scalar(text("SELECT 1"))
        assert monotonic() - began < 60


def test_a_statement_that_takes_long_is_not_given_up(
    primary: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "ASK_AFTER_SECONDS", 0.5)
    with (
        Relay(socket_of(primary)) as relay,
        engine(load_settings(database_url=url_by(relay))).connect() as conn,
    ):
        assert conn.scalar(text("SELECT 1 FROM pg_sleep(2)")) == 1


def test_a_frozen_server_is_given_up_and_taken_again(
    primary: PostgresServer, valkey: str, smtp_sink: SmtpSink
) -> None:
    with connect(primary.url("site")) as conn:
        alarms(conn, 60)
    with running(primary.url("site"), valkey, **mail_channel(smtp_sink)) as site:
        worker, beat = site.worker(), site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        processes = [primary.pid, *backends(primary)]
        for each in processes:
            os.kill(each, signal.SIGSTOP)
        try:
            eventually(lambda: "cannot be reached" in site.log())
        finally:
            for each in processes:
                os.kill(each, signal.SIGCONT)
        ended, before = monotonic(), len(smtp_sink.mails)

        eventually(lambda: len(smtp_sink.mails) > before)
        seconds = monotonic() - ended
        print(f"measured: first message {seconds:.1f} s after the freeze")
        assert seconds < BACK_SECONDS
        assert (worker.poll(), beat.poll()) == (None, None)
        assert "Traceback" not in site.log()


def backends(server: PostgresServer) -> list[int]:
    with connect(server.url("postgres")) as conn:
        return list(conn.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = 'site'")))
