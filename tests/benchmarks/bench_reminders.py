"""Reminders: planning on 1,000,000 sessions, claiming 10,000 rows, and sending 10,000 alarms that
are due in one second, beside Celery tasks that do nothing, in one run.

    uv run python -m tests.benchmarks.bench_reminders [--sessions 1000000] [--alarms 10000]

Only the ratios mean something: machines vary. PostgreSQL writes through to the disk, as on a site.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, text

from models.catalog import read_catalog
from models.installation import record_installation
from scheduler.reminders.moves.claims import claim
from scheduler.reminders.sweep import sweep as sweep_ledger
from scheduler.reminders.tick import tick as plan_due
from scheduler.settings import Settings, load_settings
from tasks.demo.servers import (
    Durability,
    PostgresServer,
    Workspace,
    create_database,
    start_postgres,
    start_valkey,
)
from tests.benchmarks.bench_channels import mail_server, running, web_server
from tests.benchmarks.noops import app as noops
from tests.command_line import REPOSITORY
from tests.eventually import eventually
from tests.servers import create_template, engine_on

NOW = datetime(2026, 12, 1, 8, 0, 30, tzinfo=UTC)
WORKERS = 2
TUTORS = 500

PEOPLE = """
    INSERT INTO users (id, first_name, father_name, email)
    SELECT g, 'Abebe', 'Kebede', 'person' || g || '@tutoring.example'
      FROM generate_series(1, :tutors + :students) g;
    INSERT INTO tutor_profiles (id, user_id) SELECT g, g FROM generate_series(1, :tutors) g;
    INSERT INTO student_profiles (id, user_id)
    SELECT g, :tutors + g FROM generate_series(1, :students) g"""

# A year of lessons around NOW, at any five minutes from 7:00 to 20:00.
YEAR = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode,
        status, notification_enabled, alarm_enabled, alarm_before_minutes)
    SELECT 1 + g % :tutors, 1 + g % :students, 'Mathematics', date '2026-06-02' + g % 365,
           time '07:00' + make_interval(mins => 5 * (random() * 155)::int), 'online',
           (ARRAY['scheduled', 'Scheduled', 'completed', 'cancelled'])[1 + (random() * 1.3)::int],
           random() < 0.8, random() < 0.7, (ARRAY[NULL, 0, 15, 30, 60])[1 + (random() * 4)::int]
      FROM generate_series(1, :sessions) g"""
INDEX = "CREATE INDEX sessions_start ON tutor_sessions (session_date, start_time)"

# Alarms that are all due in one second.
SECOND = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode,
        status, alarm_enabled, alarm_before_minutes)
    SELECT 1 + g % :tutors, g, 'Mathematics', CAST(:day AS date), CAST(:start AS time), 'online',
           'scheduled', true, 15
      FROM generate_series(1, :students) g"""

DUE_ROWS = """
    INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
        lead_minutes, recipient, person_id, role, due_at, send_after)
    SELECT g, 1, g, CAST(:now AS timestamptz) + interval '15 min', 'alarm', 15, 'user:' || g, g,
           'student', :now, :now
      FROM generate_series(1, :rows) g"""

OLD_ROWS = """
    INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
        lead_minutes, recipient, person_id, role, state, due_at, send_after, sent_at)
    SELECT 10000000 + g, 1 + g % 500, g, CAST(:now AS timestamptz) - make_interval(mins => 60 + g),
           'alarm', 15, 'user:' || g, g, 'student', 'sent', :now, :now, :now
      FROM generate_series(1, :rows) g"""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sessions", type=int, default=1_000_000)
    words.add_argument("--alarms", type=int, default=10_000)
    words.add_argument("--only-sending", action="store_true")
    given = words.parse_args()
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.KEPT, {"max_connections": "100"})
        create_template(server, "empty")
        if not given.only_sending:
            figures = [*planning(server, given.sessions), *claiming(server, given.alarms)]
            show("Planning and claiming", figures)
        broker = start_valkey(workspace).url()
        show("Sending", sending(workspace, server, broker, given.alarms))


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    figure: str


def show(title: str, figures: list[Figure]) -> None:
    table = Table("what", "figure", title=title)
    for each in figures:
        table.add_row(each.what, each.figure)
    Console().print(table)


def fresh(server: PostgresServer, name: str) -> Engine:
    create_database(server, name, "empty")
    engine = engine_on(server.url(name))
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM session_worker.installation"))
        conn.execute(
            text("INSERT INTO session_worker.installation (system_identifier, database_name,"
                 " timeline) VALUES ('', '', 0)")
        )  # fmt: skip
    return engine


def planning(server: PostgresServer, sessions: int) -> Iterator[Figure]:
    """The tick and the sweep, with the index and without, on a ledger that grows."""
    settings = load_settings(_env_file=None)
    engine = fresh(server, "year")
    with engine.begin() as conn:
        numbers = {"tutors": TUTORS, "students": 20_000, "sessions": sessions}
        conn.execute(text(PEOPLE), numbers)
        conn.execute(text(YEAR), numbers)
        conn.execute(text("ANALYZE"))
    with engine.connect() as conn:
        for index in ("without an index", "with an index on (session_date, start_time)"):
            yield from rounds_on(conn, settings, f"{sessions:,} sessions {index}")
            if index == "without an index":
                conn.execute(text(INDEX))
        conn.execute(text(OLD_ROWS), {"now": NOW, "rows": 1_000_000})
        conn.execute(text("ANALYZE session_worker.delivery"))
        conn.commit()
        yield from rounds_on(conn, settings, "the same, 1,000,000 rows in the ledger")


def rounds_on(conn: Connection, settings: Settings, name: str) -> Iterator[Figure]:
    catalog = read_catalog(conn)
    conn.execute(text("DELETE FROM session_worker.delivery WHERE starts_at > :now"), {"now": NOW})
    conn.execute(text("UPDATE session_worker.installation SET first_tick_at = NULL,"
                      " planned_until = NULL, ticked_at = NULL"))  # fmt: skip
    plan_due(conn, catalog, settings, NOW)
    conn.execute(text("ANALYZE session_worker.delivery"))
    conn.commit()
    clock = Clock(NOW)

    def tick() -> None:
        plan_due(conn, catalog, settings, clock.now)
        conn.commit()

    def plan() -> None:
        clock.now += timedelta(seconds=10)
        tick()

    def sweep() -> None:
        sweep_ledger(conn, catalog, settings, clock.now)
        conn.commit()

    yield Figure(f"tick that plans nothing; {name}", milliseconds(tick))
    yield Figure(f"tick that plans ten seconds; {name}", milliseconds(plan))
    yield Figure(f"sweep; {name}", milliseconds(sweep, times=5))


@dataclass
class Clock:
    now: datetime


def milliseconds(work: Callable[[], None], times: int = 15) -> str:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(1_000 * (time.perf_counter() - begun))
    return f"{median(taken):.1f} ms"


def claiming(server: PostgresServer, rows: int) -> Iterator[Figure]:
    engine = fresh(server, "claims")
    for batches in (1, 20):
        with engine.connect() as conn:
            conn.execute(text("TRUNCATE session_worker.delivery"))
            conn.execute(text(DUE_ROWS), {"now": NOW, "rows": rows})
            conn.execute(text("ANALYZE session_worker.delivery"))
            conn.commit()
            begun = time.perf_counter()
            while claim(conn, NOW, batches, 100, timedelta(minutes=1)):
                conn.commit()
            conn.commit()
            rate = rows / (time.perf_counter() - begun)
        yield Figure(f"claims, {batches} batches of 100 at a time", f"{rate:,.0f} rows/s")


def sending(workspace: Workspace, server: PostgresServer, broker: str, alarms: int) -> list[Figure]:
    figures = [Figure("Celery tasks that do nothing", per_second(celery_noops(broker, alarms)))]
    with running(web_server) as web, running(mail_server) as mail:
        ways = {
            "log": {"OUTBOX": "log"},
            "webhook": {"CHANNEL_WEBHOOK": f"json://127.0.0.1:{web}/hook"},
            "e-mail": {
                "CHANNEL_EMAIL": f"mailto://127.0.0.1:{mail}?from=w@tutoring.example&to={{email}}"
            },
        }
        for name, environment in ways.items():
            taken = alarms_sent(server, broker, name, alarms, environment)
            figures.append(Figure(f"alarms due in one second, by {name}", per_second(taken)))
    figures.append(Figure("Celery again", per_second(celery_noops(broker, alarms))))
    return figures


@dataclass(frozen=True, slots=True)
class Taken:
    count: int
    seconds: float


def per_second(taken: Taken) -> str:
    return f"{taken.count / taken.seconds:,.0f}/s ({taken.seconds:.1f} s)"


def celery_noops(broker: str, count: int) -> Taken:
    """Number and seconds of tasks that do nothing; all are queued before the workers start."""
    noops.conf.update(broker_url=broker)
    for number in range(count):
        noops.send_task("noops.nothing", (number,))
    with (
        redis.Redis.from_url(broker) as client,
        workers("tests.benchmarks.noops", "noops", {"REDIS_URL": broker}),
    ):
        eventually(lambda: client.llen("noops") < count - 50, within=60)
        left, begun = client.llen("noops"), time.perf_counter()
        eventually(lambda: client.llen("noops") == 0 and client.hlen("unacked") == 0, within=120)
        return Taken(int(left), time.perf_counter() - begun)


def alarms_sent(
    server: PostgresServer, broker: str, name: str, count: int, environment: dict[str, str]
) -> Taken:
    """Number of alarms, and seconds from their due second to the end of the last one."""
    engine = engine_on(server.url(f"second_{name}"))
    create_database(server, f"second_{name}", "empty")
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    due = (datetime.now(UTC) + timedelta(seconds=45)).replace(microsecond=0)
    fill_second(engine, due, count)
    settings = {"DATABASE_URL": server.url(f"second_{name}"), "REDIS_URL": broker,
                "SITE_TIMEZONE": "UTC", **environment}  # fmt: skip
    with (
        workers("tasks", "planning,delivery", settings),
        beat(settings),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn,
    ):
        eventually(lambda: conn.scalar(text(SENT)) == count, within=180)
        ended: Any = conn.scalar(text(ENDED))
    return Taken(count, (ended - due).total_seconds())


SENT = "SELECT count(*) FROM session_worker.delivery WHERE state = 'sent'"
ENDED = "SELECT max(ended_at) FROM session_worker.attempt"


def fill_second(engine: Engine, due: datetime, count: int) -> None:
    starts_at = due + timedelta(minutes=15)
    numbers = {
        "tutors": TUTORS,
        "students": count,
        "day": starts_at.date(),
        "start": starts_at.time(),
    }
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM session_worker.installation"))
        conn.execute(text(PEOPLE), numbers)
        conn.execute(text(SECOND), numbers)
        conn.execute(text(INDEX))
        conn.execute(text("ANALYZE"))
        record_installation(conn)


@contextmanager
def workers(app: str, queues: str, environment: dict[str, str]) -> Iterator[None]:
    with process(environment, "-A", app, "worker", "-c", str(WORKERS), "-Q", queues,
                 "--without-gossip", "--without-mingle", "--loglevel=WARNING"):  # fmt: skip
        yield


@contextmanager
def beat(environment: dict[str, str]) -> Iterator[None]:
    schedule = f"/tmp/bench-beat-{os.getpid()}"  # noqa: S108
    with process(environment, "-A", "tasks", "beat", "-s", schedule, "--pidfile=",
                 "--loglevel=WARNING"):  # fmt: skip
        yield


@contextmanager
def process(environment: dict[str, str], *words: str) -> Iterator[None]:
    started = subprocess.Popen(
        [sys.executable, "-m", "celery", *words], env={**os.environ, **environment}, cwd=REPOSITORY
    )
    try:
        yield
    finally:
        started.terminate()
        started.wait(60)


if __name__ == "__main__":
    main()
