"""Copies of a running installation: a dump beside it, and a standby that takes over."""

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, make_url, text

from models.catalog import read_catalog
from scheduler.reminders import sweep
from scheduler.reminders.home import hold_elsewhere
from scheduler.settings import load_settings
from tasks.demo.servers import (
    PostgresServer,
    Workspace,
    create_database,
    drop_database,
)
from tasks.demo.servers.binaries import postgres_install
from tasks.demo.servers.databases import Server
from tests import servers
from tests.builders import a_session, a_student
from tests.command_line import Commands
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.faults.standby import copy_of, primary_with_site, standby_of
from tests.servers import connect
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

STUDENTS = [f"student{number}@tutoring.example" for number in range(5)]
NOTHING_IS_SENT = "another server or database: nothing is sent"


@pytest.fixture
def empty_copy(postgres: Server, database: str) -> Iterator[str]:
    """The URL of an empty database beside `database`."""
    name = f"{make_url(database).database}_copy"
    create_database(postgres, name, "template0")
    yield postgres.url(name)
    drop_database(postgres, name)


@pytest.fixture
def other_broker(valkey: str) -> str:
    other = make_url(valkey).set(database="15").render_as_string(hide_password=False)
    servers.flush(other)
    return other


@pytest.fixture
def other_sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def test_a_worker_on_a_restored_dump_sends_nothing_until_it_is_adopted(
    conn: Connection, database: str, empty_copy: str, valkey: str, other_broker: str,
    smtp_sink: SmtpSink, other_sink: SmtpSink,
) -> None:  # fmt: skip
    for student in STUDENTS:
        an_alarm(conn, student, due_in_seconds=10)
    after_the_first_tick(conn)
    sweep.sweep(conn, read_catalog(conn), load_settings(), datetime.now(UTC))
    conn.commit()
    assert count(conn, "planned") == len(STUDENTS)
    restore(database, empty_copy)
    copied = {"REDIS_URL": other_broker, **mail_channel(other_sink)}
    with (
        running(database, valkey, **mail_channel(smtp_sink)) as site,
        running(empty_copy, other_broker, **mail_channel(other_sink)) as beside,
        connect(empty_copy) as copy,
    ):
        site.worker()
        site.beat()
        beside.worker()
        beside.beat()
        eventually(lambda: count(copy, "held") == len(STUDENTS))
        eventually(lambda: count(conn, "sent") == len(STUDENTS))
        eventually(lambda: beside.log().count(NOTHING_IS_SENT) >= 2)
        at_copy = Commands(copy, empty_copy)
        examined = at_copy.run("doctor", **copied)

        assert other_sink.connections == 0
        assert beside.is_quiet_about(NOTHING_IS_SENT)
        assert (examined.exit_code, examined.stderr) == (1, "")
        assert "doctor --adopt-database" in examined.stdout

        at_copy.run("doctor", "--adopt-database", **copied)
        eventually(lambda: count(copy, "sent") == len(STUDENTS))

    assert sorted(mail.recipients[0] for mail in smtp_sink.mails) == STUDENTS
    assert sorted(mail.recipients[0] for mail in other_sink.mails) == STUDENTS


def restore(source: str, target: str) -> None:
    """pg_dump | pg_restore."""
    programs = postgres_install() / "bin"
    dump = subprocess.run(
        [programs / "pg_dump", "--format=custom", source], stdout=subprocess.PIPE, check=True
    )
    subprocess.run(
        [programs / "pg_restore", "--exit-on-error", f"--dbname={target}"],
        input=dump.stdout,
        check=True,
    )


@pytest.fixture
def primary(workspace: Workspace) -> PostgresServer:
    return primary_with_site(workspace)


def test_after_a_fail_over_only_what_was_due_by_the_last_tick_is_held(
    workspace: Workspace, primary: PostgresServer, valkey: str, smtp_sink: SmtpSink
) -> None:
    before, after = STUDENTS[:2]
    with connect(primary.url("site")) as conn:
        due_before = an_alarm(conn, before, due_in_seconds=0)
        due_after = an_alarm(conn, after, due_in_seconds=5)
        after_the_first_tick(conn)
        planned = sweep.sweep(conn, read_catalog(conn), load_settings(), datetime.now(UTC))
        conn.execute(text("UPDATE session_worker.installation SET ticked_at = clock_timestamp()"))
        conn.commit()
    assert len(planned.planned) == 2

    standby = standby_of(workspace, primary)
    primary.kill()
    promoted = standby.url("site")
    with connect(promoted) as conn, running(promoted, valkey, **mail_channel(smtp_sink)) as site:
        conn.execute(text("SELECT pg_promote()"))
        conn.commit()
        site.worker()
        site.beat()
        eventually(lambda: count(conn, "sent") == 1)
        states = conn.execute(
            text("SELECT session_id, state, reason FROM session_worker.delivery ORDER BY 1")
        ).all()

    assert states == [(due_before, "held", "rewound"), (due_after, "sent", None)]
    assert [mail.recipients for mail in smtp_sink.mails] == [(after,)]


def test_a_base_backup_that_is_just_started_sends_nothing_until_it_is_adopted(
    workspace: Workspace, primary: PostgresServer, valkey: str, smtp_sink: SmtpSink
) -> None:
    with connect(primary.url("site")) as conn:
        an_alarm(conn, STUDENTS[0], due_in_seconds=0)
        after_the_first_tick(conn)
        settings = {"REDIS_URL": valkey, **mail_channel(smtp_sink)}
        sent = Commands(conn, primary.url("site")).run("remind", **settings)
        assert (sent.exit_code, sent.stderr) == (0, "")
        an_alarm(conn, STUDENTS[1], due_in_seconds=0)
        conn.commit()
    copy = copy_of(workspace, primary)

    with connect(copy.url("site")) as conn:
        at_copy = Commands(conn, copy.url("site"))
        by_hand = at_copy.run("remind", **settings)
        assert hold_elsewhere(conn)
        assert "another server or database" in by_hand.stderr
        assert [mail.recipients for mail in smtp_sink.mails] == [(STUDENTS[0],)]

        at_copy.run("doctor", "--adopt-database", **settings)
        at_copy.run("remind", **settings)
    assert [mail.recipients for mail in smtp_sink.mails] == [(STUDENTS[0],), (STUDENTS[1],)]


def test_a_dump_that_is_restored_in_its_own_place_sends_nothing_again(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    settings = {"REDIS_URL": valkey, **mail_channel(smtp_sink)}
    for student in STUDENTS:
        an_alarm(conn, student, due_in_seconds=0)
    after_the_first_tick(conn)
    sweep.sweep(conn, read_catalog(conn), load_settings(), datetime.now(UTC))
    conn.commit()
    assert count(conn, "planned") == len(STUDENTS)
    with tempfile.TemporaryDirectory() as folder:
        dump(database, f"{folder}/dump")
        assert Commands(conn, database).run("remind", **settings).exit_code == 0
        conn.close()
        replace_by(database, f"{folder}/dump")

    with connect(database) as restored:
        again = Commands(restored, database).run("remind", **settings)

    assert again.exit_code == 1
    assert sorted(mail.recipients[0] for mail in smtp_sink.mails) == STUDENTS


def dump(source: str, file: str) -> None:
    program = postgres_install() / "bin" / "pg_dump"
    subprocess.run([program, "--format=custom", f"--file={file}", source], check=True)


def replace_by(target: str, file: str) -> None:
    """DROP DATABASE, CREATE DATABASE of the same name, pg_restore."""
    url = make_url(target)
    admin = url.set(database="postgres").render_as_string(hide_password=False)
    with connect(admin) as conn:
        conn.execution_options(isolation_level="AUTOCOMMIT")
        conn.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))
        conn.execute(text(f"CREATE DATABASE {url.database} TEMPLATE template0"))
    program = postgres_install() / "bin" / "pg_restore"
    subprocess.run([program, "--exit-on-error", f"--dbname={target}", file], check=True)


def an_alarm(conn: Connection, email: str, due_in_seconds: float) -> int:
    """The id of a session that begins ten minutes after its alarm is due."""
    return a_session(
        conn,
        student_id=a_student(conn, email=email),
        alarm_enabled=True,
        alarm_before_minutes=10,
        **in_wall_time(10 + due_in_seconds / 60),
    )
