"""Retention: a ledger of several years is cut down to KEEP_DAYS while ticks go on beside it.

    uv run python -m tests.benchmarks.bench_retention [--deliveries 3000000] [--cycles 3]

Each cycle adds a year of deliveries that are over, and lets upkeep remove them slice by slice. The
tick's time beside it is compared with the tick's time before, in one run. Whether bloat levels off
is seen in the table's size after each cycle. PostgreSQL writes through to the disk, as on a site.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from threading import Event, Thread

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from models.catalog import read_catalog
from scheduler.ledger.retention import remove_slice
from scheduler.reminders.tick import tick
from scheduler.settings import Settings
from tasks.demo.servers import Durability, Workspace, create_database, start_postgres
from tests.servers import create_template, engine_on

NOW = datetime(2026, 12, 1, 8, 0, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(days=400)
SESSIONS = 100_000

# 100,000 sessions around NOW, so that a tick has something to look through.
TERM = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode,
        status, notification_enabled, alarm_enabled)
    SELECT 1 + g % 500, 1 + g % 5000, 'Mathematics', date '2026-09-01' + g % 180,
           time '07:00' + make_interval(mins => 5 * (g % 156)), 'online', 'scheduled', true, true
      FROM generate_series(1, :sessions) g"""
# A year's deliveries that are over, each with one attempt.
OVER = """
    WITH gone AS (
        INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
            lead_minutes, recipient, person_id, role, state, due_at, send_after, planned_at,
            sent_at, attempts, told)
        SELECT 10000000 + g, 1 + g % 500, g, at, 'alarm', 15, 'user:' || g % 5000, g % 5000,
               'student', 'sent', at, at, at, at, 1,
               '{"subject": "Mathematics", "tutor_name": "Abebe Kebede", "entry": "1"}'
          FROM generate_series(1, :deliveries) g,
               LATERAL (SELECT CAST(:before AS timestamptz)
                               - make_interval(secs => 31536000.0 * g / :deliveries)) y(at)
        RETURNING id, sent_at)
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at, ended_at,
                                        outcome, words)
    SELECT id, gen_random_uuid(), 'email', sent_at, sent_at, 'sent', '250 ok' FROM gone"""
SIZE = """
    SELECT pg_size_pretty(pg_total_relation_size('session_worker.delivery')
                          + pg_total_relation_size('session_worker.attempt'))"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--deliveries", type=int, default=300_000, help="over, in each cycle")
    options.add_argument("--cycles", type=int, default=3)
    given = options.parse_args()
    table = Table("cycle", "removed", "longest statement", "median", "tick before", "tick beside",
                  "ratio", "size before", "after", title="Retention")  # fmt: skip
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.KEPT)
        create_template(server, "template_of_it")
        create_database(server, "retention", "template_of_it")
        engine = engine_on(server.url("retention"))
        with engine.begin() as conn:
            conn.execute(text(TERM), {"sessions": SESSIONS})
        for cycle in range(1, given.cycles + 1):
            table.add_row(str(cycle), *measured(engine, given.deliveries))
    Console(width=140).print(table)


def measured(engine: Engine, deliveries: int) -> list[str]:
    with engine.begin() as conn:
        conn.execute(text(OVER), {"deliveries": deliveries, "before": BEFORE})
        full = str(conn.scalar(text(SIZE)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE session_worker.delivery"))
        conn.execute(text("VACUUM ANALYZE session_worker.attempt"))
    alone = ticks_while(engine, lambda: time.sleep(5))
    statements: list[float] = []
    beside = ticks_while(engine, lambda: statements.extend(removed(engine)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        # As autovacuum does in its time.
        conn.execute(text("VACUUM session_worker.delivery"))
        conn.execute(text("VACUUM session_worker.attempt"))
        cut = str(conn.scalar(text(SIZE)))
    return [
        str(deliveries), f"{max(statements):.0f} ms", f"{median(statements):.1f} ms",
        f"{median(alone):.1f} ms", f"{median(beside):.1f} ms",
        f"{median(beside) / median(alone):.2f}", full, cut,
    ]  # fmt: skip


def removed(engine: Engine) -> list[float]:
    """The time of each slice's transaction, in milliseconds."""
    taken, after = [], 0
    while True:
        began = time.perf_counter()
        with engine.begin() as conn:
            slice_ = remove_slice(conn, BEFORE, "Africa/Addis_Ababa", after)
        taken.append((time.perf_counter() - began) * 1000)
        if slice_.last_id is None:
            return taken
        after = slice_.last_id


def ticks_while(engine: Engine, work: Callable[[], None]) -> list[float]:
    """The time of the ticks that were made meanwhile, one each second as beat asks for."""
    taken: list[float] = []
    done = Event()

    def go_on() -> None:
        settings, second = Settings(), 0
        while not taken or not done.wait(1):
            with engine.connect() as conn:
                catalog = read_catalog(conn)
                conn.rollback()
                began = time.perf_counter()
                with conn.begin():
                    tick(conn, catalog, settings, NOW + timedelta(seconds=second))
                taken.append((time.perf_counter() - began) * 1000)
            second += 1

    thread = Thread(target=go_on)
    thread.start()
    work()
    done.set()
    thread.join()
    return taken


if __name__ == "__main__":
    main()
