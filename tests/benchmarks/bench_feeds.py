"""Calendar feeds: processor time of 1,000 that are polled each 15 minutes, as a share of one core.

    uv run python -m tests.benchmarks.bench_feeds [--sessions 100000] [--polled 200]

Some of 1,000 feeds are polled, each over a connection of its own; what counts is the processor time
of the web process and of all PostgreSQL's. Most programs send back the ETag that they were given;
those that do not are shown apart, and so is what renders. Each three minutes all feeds are compared
with the sessions by one statement.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import requests
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from models.catalog import read_catalog
from scheduler.database_clock import database_now
from scheduler.ledger.feed_tokens import make_token
from scheduler.reminders.read.feed_sessions import feed_fingerprints
from scheduler.settings import load_settings
from tasks.demo.servers import Durability, PostgresServer, Workspace, start_postgres, start_valkey
from tasks.demo.servers.guardian import children_of, stat_of
from tasks.web.feeds import FRESH_SECONDS
from tests.benchmarks.bench_reminders import INDEX, PEOPLE, fresh
from tests.benchmarks.bench_web import YEAR
from tests.command_line import REPOSITORY
from tests.servers import create_template

QUARTER_SECONDS = 15 * 60
HALF_DAY_SECONDS = 12 * 3600
FEEDS = 1_000
LIMIT_PERCENT = 1.0
TUTORS, STUDENTS = 500, 2_000
PERSON_INDEXES = """
    CREATE INDEX sessions_tutor ON tutor_sessions (tutor_id);
    CREATE INDEX sessions_student ON tutor_sessions (student_id)"""
MAIL = "mailto://u:p@mail.example?from=a@b.example&to={email}"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sessions", type=int, default=100_000)
    words.add_argument("--polled", type=int, default=200)
    given = words.parse_args()
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.THROW_AWAY, {"max_connections": "100"})
        create_template(server, "empty")
        broker = start_valkey(workspace).url()
        engine = fresh(server, "feeds")
        tokens = fill(engine, given.sessions, given.polled)
        figures, dear = [], []
        for name, statement in (("no index on people", INDEX), ("with indexes", PERSON_INDEXES)):
            run(engine, statement)
            with web_process(server.url("feeds"), broker) as web:
                found = [*rounds(name, Poller(web, server, tokens), engine)]
            _, *polls, all_compared = found
            for each in polls:
                if each.percent + all_compared.percent >= LIMIT_PERCENT:
                    dear.append(each.what)
            figures += found
    show(given.sessions, figures)
    if dear:
        sys.exit(f"Error: with the comparison {LIMIT_PERCENT} % or more: {', '.join(dear)}.")


def fill(engine: Engine, sessions: int, polled: int) -> list[str]:
    """A year of lessons, and feeds of tutors and students in equal parts; tokens of the `polled`
    ones."""
    numbers = {"tutors": TUTORS, "students": STUDENTS, "sessions": sessions,
               "today": datetime.now(UTC).date()}  # fmt: skip
    with engine.begin() as conn:
        for statement in (PEOPLE, YEAR):
            conn.execute(text(statement), numbers)
        return [make_token(conn, 1 + number) for number in range(FEEDS)][:: FEEDS // polled]


def run(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text(statement))
        conn.execute(text("VACUUM ANALYZE"))


@dataclass(frozen=True, slots=True)
class Figure:
    """Processor time of one such thing, and the `percent` of one core that 1,000 feeds take."""

    what: str
    web_ms: float
    server_ms: float
    percent: float


@dataclass(frozen=True, slots=True)
class WebProcess:
    """`celery -A tasks web` in a process of its own."""

    url: str
    pid: int

    def seconds(self) -> float:
        """Its processor time."""
        return process_seconds(self.pid)


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls all feeds once, and measures it."""

    web: WebProcess
    server: PostgresServer
    tokens: Sequence[str]

    def poll(
        self, what: str, headers: Callable[[str], dict[str, str]], each_seconds: float
    ) -> tuple[Figure, dict[str, str]]:
        """The figure, and each token's ETag. `each_seconds`: how often a feed is polled so."""
        web, base = self.web.seconds(), postgres_seconds(self.server)
        tags = {token: self.once(token, headers(token)) for token in self.tokens}
        web, base = self.web.seconds() - web, postgres_seconds(self.server) - base
        count = len(self.tokens)
        percent = 100 * (web + base) / count * FEEDS / each_seconds
        return Figure(what, 1e3 * web / count, 1e3 * base / count, percent), tags

    def once(self, token: str, headers: dict[str, str]) -> str:
        answer = requests.get(f"{self.web.url}calendar/{token}.ics", headers=headers, timeout=60)
        assert answer.status_code == (304 if headers else 200), answer.text[:200]
        return answer.headers["etag"]


def rounds(name: str, poller: Poller, engine: Engine) -> Iterator[Figure]:
    """The figures of one site: what each poll costs, and what is done for all at once."""
    first, tags = poller.poll(f"rendered, twice a day; {name}", nothing, HALF_DAY_SECONDS)
    yield first
    for way, headers in (
        ("with the ETag", lambda token: {"If-None-Match": tags[token]}),
        ("without an ETag", nothing),
    ):
        yield poller.poll(f"unchanged, {way}; {name}", headers, QUARTER_SECONDS)[0]
    yield compared(f"all compared, each three minutes; {name}", poller.server, engine)


def compared(what: str, server: PostgresServer, engine: Engine) -> Figure:
    settings, times = load_settings(_env_file=None), 5
    with engine.connect() as conn:
        catalog, now = read_catalog(conn), database_now(conn)
        feed_fingerprints(conn, catalog, settings, now)
        own, base = time.process_time(), postgres_seconds(server)
        for _ in range(times):
            feed_fingerprints(conn, catalog, settings, now)
        own, base = time.process_time() - own, postgres_seconds(server) - base
    percent = 100 * (own + base) / times / FRESH_SECONDS
    return Figure(what, 1e3 * own / times, 1e3 * base / times, percent)


def nothing(_token: str) -> dict[str, str]:
    """Headers of a program that keeps no ETag."""
    return {}


@contextmanager
def web_process(database: str, broker: str) -> Iterator[WebProcess]:
    settings = {**os.environ, "DATABASE_URL": database, "REDIS_URL": broker,
                "CHANNEL_EMAIL": MAIL}  # fmt: skip
    words = [sys.executable, "-m", "celery", "-A", "tasks", "web", "--port", "0", "--json"]
    started = subprocess.Popen(words, env=settings, cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        assert started.stdout is not None
        yield WebProcess(json.loads(started.stdout.readline())["url"], started.pid)
    finally:
        started.terminate()
        started.wait(60)


def postgres_seconds(server: PostgresServer) -> float:
    """Processor time of the server and its processes, those that have ended included."""
    return sum(map(process_seconds, (server.pid, *children_of(server.pid))))


def process_seconds(pid: int) -> float:
    """Processor time of a process, and of its children that have ended (proc(5))."""
    return sum(map(int, stat_of(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def show(sessions: int, figures: Sequence[Figure]) -> None:
    title = f"1,000 feeds each 15 minutes; {sessions:,} sessions"
    table = Table("what", "web", "PostgreSQL", "of one core", title=title)
    for each in figures:
        table.add_row(
            each.what, f"{each.web_ms:.1f} ms", f"{each.server_ms:.1f} ms", f"{each.percent:.2f} %"
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
