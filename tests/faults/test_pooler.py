"""PgBouncer before PostgreSQL: recognised, and used without a trace in the site's sessions."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psycopg2
import pytest
from sqlalchemy import Connection, make_url, text

from scheduler.settings import InvalidSetting, load_settings
from tasks.database import engine, pooler
from tasks.demo.servers import Workspace
from tests.builders import a_session, a_student, an_anchor
from tests.command_line import Commands
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.pgbouncer import pgbouncer
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

REFUSED = "DATABASE_URL leads to a pooler in transaction mode: set DATABASE_POOLER=transaction"


def socket_of(database: str) -> Path:
    return Path(str(make_url(database).query["host"])) / ".s.PGSQL.5432"


def by_port(database: str, port: int) -> str:
    return f"postgresql://worker@127.0.0.1:{port}/{make_url(database).database}"


@pytest.fixture
def pooled(workspace: Workspace, database: str) -> Iterator[str]:
    """The database's URL by a PgBouncer in transaction mode."""
    with pgbouncer(workspace, socket_of(database), "transaction") as port:
        yield by_port(database, port)


@pytest.fixture
def by_session(workspace: Workspace, database: str) -> Iterator[str]:
    with pgbouncer(workspace, socket_of(database), "session", pool_size=1) as port:
        yield by_port(database, port)


def test_without_the_setting_it_is_refused_in_one_line(
    conn: Connection, pooled: str, valkey: str
) -> None:
    ended = Commands(conn, pooled).run("remind", REDIS_URL=valkey)

    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"Error: {REFUSED}")
    assert ended.stderr.count("\n") == 1


def test_it_is_recognised_in_the_midst_of_the_sites_traffic(
    pooled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooler, "ANSWER_SECONDS", 60.0)
    with SiteTraffic(pooled), pytest.raises(InvalidSetting, match="pooler in transaction mode"):
        engine(load_settings(database_url=pooled)).connect()


def test_one_that_keeps_a_session_for_each_client_is_taken(by_session: str) -> None:
    with engine(load_settings(database_url=by_session)).connect() as conn:
        assert conn.scalar(text("SHOW lock_timeout")) == "3s"


def test_a_transaction_has_a_guests_manners_and_leaves_none(pooled: str, database: str) -> None:
    made = engine(load_settings(database_url=pooled, database_pooler="transaction"))
    with made.connect() as conn:
        assert conn.scalar(text("SHOW lock_timeout")) == "3s"
        assert conn.scalar(text("SHOW timezone")) == "UTC"
        conn.rollback()
        assert conn.scalar(text("SHOW lock_timeout")) == "3s"
    made.dispose()

    with psycopg2.connect(pooled) as site, site.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


# Errors that are not caused by shared sessions, and are retried.
OF_A_BUSY_POOLER = ("try again, nothing is lost", "server closed the connection unexpectedly")


def test_alarms_and_rows_go_through_it_beside_the_sites_own_traffic(
    conn: Connection, database: str, pooled: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    for each in range(40):
        student = a_student(conn, email=f"student{each}@tutoring.example")
        start = in_wall_time(60 + each / 240)
        a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60, **start)
    anchor = an_anchor(conn)
    after_the_first_tick(conn)
    environment = {"DATABASE_POOLER": "transaction", **mail_channel(smtp_sink)}
    with SiteTraffic(pooled) as traffic, running(pooled, valkey, **environment) as site:
        site.worker()
        site.worker()
        site.beat()
        eventually(lambda: count(conn, "sent") == 40)
        assert "Traceback" not in site.log()
        errors = [line for line in site.log().splitlines() if "ERROR" in line]
        assert [
            line for line in errors if not any(words in line for words in OF_A_BUSY_POOLER)
        ] == []
    expanded = Commands(conn, pooled).run("expand", REDIS_URL=valkey, **environment)

    assert expanded.exit_code == 0, expanded.stderr
    made = text("SELECT count(*) FROM session_worker.occurrence WHERE anchor_id = :anchor")
    assert conn.scalar(made, {"anchor": anchor}) > 0
    assert traffic.transactions > 100
    assert traffic.strange == []


# The test's server lets commits go unflushed (tasks/demo/servers); the worker does not.
SETTINGS = """
    SELECT current_setting('lock_timeout'), current_setting('statement_timeout'),
           current_setting('synchronous_commit'), count(*)::text FROM pg_prepared_statements"""


class SiteTraffic:
    """The site's own transactions, by the same pooler; `strange`: settings that are not its own."""

    def __init__(self, url: str) -> None:
        self.url, self.transactions, self.strange = url, 0, list[tuple[str, ...]]()
        self._done = Event()
        self._threads = [Thread(target=self._go_on) for _ in range(3)]

    def __enter__(self) -> "SiteTraffic":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for each in self._threads:
            each.join()

    def _go_on(self) -> None:
        connection = psycopg2.connect(self.url)
        while not self._done.wait(0.01):
            with connection, connection.cursor() as cursor:
                cursor.execute(SETTINGS)
                [row] = cursor.fetchall()
                self.transactions += 1
                if row != ("0", "0", "off", "0"):
                    self.strange.append(row)
        connection.close()
