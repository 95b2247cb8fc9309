"""The page and the metrics on 1,000,000 sessions and a ledger of 1,000,000 messages, beside a bare
query over the same connection, in one run.

    uv run python -m tests.benchmarks.bench_web [--sessions 1000000]

Each address is asked by a real request; the first one after the start is shown apart, as later ones
may find what was read shortly before. The tick is timed while pages are asked without a pause.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from threading import Event, Thread

import requests
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from models.catalog import read_catalog
from scheduler.ledger.figures import count_deliveries, count_tries
from scheduler.reminders.tick import tick
from scheduler.settings import Settings, load_settings
from tasks.demo.servers import Durability, Workspace, start_postgres, start_valkey
from tests.benchmarks.bench_reminders import INDEX, PEOPLE, fresh
from tests.servers import create_template
from tests.tasks.web.conftest import served

ADDRESSES = (
    "/healthz", "/readyz", "/metrics", "/", "/?lang=am", "/search?q=abebe",
    "/search?q=9@tutoring.example", "/search?q=500000", "/sessions/500000", "/people/700",
)  # fmt: skip
TIMES = 15
NUMBERS = {"tutors": 500, "students": 20_000}

# A year of lessons around today, at any five minutes from 7:00 to 20:00.
YEAR = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode,
        status, notification_enabled, alarm_enabled, alarm_before_minutes)
    SELECT 1 + g % :tutors, 1 + g % :students, 'Mathematics', CAST(:today AS date) - 182 + g % 365,
           time '07:00' + make_interval(mins => 5 * (random() * 155)::int), 'online',
           (ARRAY['scheduled', 'Scheduled', 'completed', 'cancelled'])[1 + (random() * 1.3)::int],
           random() < 0.8, random() < 0.7, 15
      FROM generate_series(1, :sessions) g"""
LEDGER = """
    INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
        lead_minutes, recipient, person_id, role, state, due_at, send_after, sent_at, planned_at,
        channel, attempts)
    SELECT g, 1 + g % :tutors, 1 + g % :students, at,
           CASE g % 2 WHEN 0 THEN 'alarm' ELSE 'reminder' END, 15,
           'user:' || (1 + g % 20000), 1 + g % 20000, 'student',
           CASE g % 50 WHEN 0 THEN 'failed' WHEN 1 THEN 'unreachable' ELSE 'sent' END,
           at - interval '15 min', at - interval '15 min',
           CASE WHEN g % 50 > 1 THEN at - interval '15 min' + random() * interval '3 s' END,
           at - interval '16 min', 'email', 1
      FROM generate_series(1, :sessions) g,
           LATERAL (SELECT CAST(:now AS timestamptz) - g * interval '365 days' / :sessions AS at) t;
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at, ended_at,
        outcome, words)
    SELECT id, gen_random_uuid(), 'email', due_at, due_at + random() * interval '0.3 s',
           CASE state WHEN 'failed' THEN 'failed' ELSE 'sent' END, '250 ok'
      FROM session_worker.delivery WHERE state IN ('sent', 'failed') ORDER BY due_at"""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sessions", type=int, default=1_000_000)
    given = words.parse_args()
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.THROW_AWAY, {"max_connections": "100"})
        create_template(server, "empty")
        engine = fresh(server, "year")
        fill(engine, given.sessions)
        settings = load_settings(
            _env_file=None,
            database_url=server.url("year"),
            redis_url=start_valkey(workspace).url(),
            channel_email="mailto://u:p@mail.example?from=a@b.example&to={email}",
        )
        for index in ("without an index on the start", "with the index"):
            if index == "with the index":
                with engine.begin() as conn:
                    conn.execute(text(INDEX))
            show(f"{given.sessions:,} sessions {index}", figures(engine, settings))


def fill(engine: Engine, sessions: int) -> None:
    now = datetime.now(UTC)
    numbers = {**NUMBERS, "sessions": sessions, "now": now, "today": now.date()}
    with engine.begin() as conn:
        for statement in (PEOPLE, YEAR, LEDGER):
            conn.execute(text(statement), numbers)
        conn.execute(text("ANALYZE"))


def show(title: str, figures: Iterator[tuple[str, str, str]]) -> None:
    table = Table("what", "first", "then", title=title)
    for each in figures:
        table.add_row(*each)
    Console(width=120).print(table)


def figures(engine: Engine, settings: Settings) -> Iterator[tuple[str, str, str]]:
    yield from of_statements(engine)
    catalog = None
    with served(settings) as url, requests.Session() as session, engine.connect() as conn:
        catalog = read_catalog(conn)
        clock = datetime.now(UTC)

        def plan() -> None:
            tick(conn, catalog, settings, clock)
            conn.commit()

        plan()
        for address in ADDRESSES:
            ask = asking(session, url + address.removeprefix("/"))
            yield (address, f"{once(ask):.1f} ms", f"{middle(ask):.1f} ms")
        yield ("tick, nobody looks", "", f"{middle(plan):.1f} ms")
        with looked_at(url):
            yield ("tick, pages are asked without a pause", "", f"{middle(plan):.1f} ms")


def of_statements(engine: Engine) -> Iterator[tuple[str, str, str]]:
    with engine.connect() as conn:
        since = conn.scalar(text("SELECT now() - interval '2 days'"))
        everything = conn.scalar(text("SELECT now() - interval '10 years'"))
        for what, work in (
            ("SELECT 1", lambda: conn.scalar(text("SELECT 1"))),
            ("count of deliveries, two days", lambda: count_deliveries(conn, since)),
            ("count of tries, two days", lambda: count_tries(conn, since)),
            ("count of all deliveries", lambda: count_deliveries(conn, everything)),
        ):
            yield (what, f"{once(work):.1f} ms", f"{middle(work):.1f} ms")


def asking(session: requests.Session, url: str) -> Callable[[], None]:
    def ask() -> None:
        answer = session.get(url, timeout=60)
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:200])

    return ask


def once(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - begun)


def middle(work: Callable[[], object]) -> float:
    return median(once(work) for _ in range(TIMES))


@contextmanager
def looked_at(url: str) -> Iterator[None]:
    """Request all addresses one after another, repeatedly, until the block ends."""
    done = Event()

    def look() -> None:
        with requests.Session() as session:
            while not done.is_set():
                for address in ADDRESSES:
                    session.get(url + address.removeprefix("/"), timeout=60)

    looking = Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        done.set()
        looking.join()


if __name__ == "__main__":
    main()
