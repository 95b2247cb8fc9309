"""The longest wait of a writer of the site while the worker expands, plans, sweeps and migrates.

    uv run python -m tests.faults.writer_waits [RULES]    # 300 unless given

A process of its own updates random rows of `tutor_sessions`, anchors and generated ones, and enters
others, one after the other. Its `lock_timeout` is the promised longest wait, so PostgreSQL itself
counts a longer one, however busy the machine is. Prints for each part of the worker how many
statements there were, how many waited too long, and the longest and the 999th of a thousand,
execution and commit included. Exits 1 where one waited too long.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

import psycopg2
from sqlalchemy import Connection, Engine, text

from models.catalog import read_catalog
from models.migrations import migrate, upgrade
from models.site import create_site_tables
from scheduler.database_clock import database_now
from scheduler.expansion import expand
from scheduler.reminders.sweep import sweep
from scheduler.reminders.tick import tick
from scheduler.settings import load_settings
from tasks.demo.servers import (
    Durability,
    PostgresServer,
    Workspace,
    create_database,
    start_postgres,
)
from tests import servers
from tests.builders import a_student, a_tutor
from tests.faults.rounds import after_the_first_tick
from tests.servers import connect, engine_on

PROMISED = timedelta(milliseconds=100)
SETTINGS = load_settings(_env_file=None, outbox="log")
SPAWN = get_context("spawn")

# Alarms over the coming days, too, so that ticks and sweeps have something to plan.
RULES = text("""
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, end_time,
        mode, status, is_recurring, session_frequency, notification_enabled, alarm_enabled)
    SELECT :tutor + g % 20, :student + g % 50, 'Mathematics', current_date + g % 7,
           time '07:00' + make_interval(mins => 5 * (g % 150)),
           time '07:04' + make_interval(mins => 5 * (g % 150)),
           'online', 'scheduled', true, 'weekly', true, true
      FROM generate_series(1, :rules) g""")
CHANGE_RULES = text("""
    UPDATE tutor_sessions SET topic = :topic WHERE is_recurring AND id % 3 = 0""")
EDIT = "UPDATE tutor_sessions SET tutor_notes = %s WHERE id = %s"
ENTER = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode)
    VALUES (%s, %s, 'Physics', current_date + 3, '21:00', 'online')"""


@dataclass(frozen=True, slots=True)
class Waits:
    """What the writer met: the time of each statement, and how many waited too long for a lock."""

    taken: Sequence[float]
    too_long: int

    def __str__(self) -> str:
        longest = sorted(self.taken)
        return (
            f"{len(longest)} statements, {self.too_long} waited more than"
            f" {PROMISED / timedelta(milliseconds=1):.0f} ms, longest {longest[-1] * 1000:.0f} ms,"
            f" 999 of 1,000 within {longest[len(longest) * 999 // 1000 - 1] * 1000:.0f} ms"
        )


def write(url: str, ready: Event, done: Event, found: "Queue[Waits]") -> None:
    """Write until `done`, as the site does."""
    chance, taken, too_long = random.Random(1), list[float](), 0
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {PROMISED // timedelta(milliseconds=1)}")
        cursor.execute("SELECT max(id), max(tutor_id), max(student_id) FROM tutor_sessions")
        [(last, tutor, student)] = cursor.fetchall()
        ready.set()
        while not done.is_set():
            began = time.perf_counter()
            try:
                if chance.random() < 0.9:
                    cursor.execute(EDIT, (f"note {began}", chance.randint(1, last)))
                else:
                    cursor.execute(ENTER, (tutor, student))
            except psycopg2.errors.LockNotAvailable:
                too_long += 1
            taken.append(time.perf_counter() - began)
    found.put(Waits(taken, too_long))


def beside_writer(url: str, work: Callable[[], None]) -> Waits:
    """What a writer meets from before the work until after it."""
    ready, done, found = SPAWN.Event(), SPAWN.Event(), SPAWN.Queue()
    writer = SPAWN.Process(target=write, args=(url, ready, done, found))
    writer.start()
    try:
        ready.wait(60)
        work()
    finally:
        done.set()
    waits: Waits = found.get(timeout=60)
    writer.join()
    return waits


def fill(conn: Connection, rules: int) -> None:
    tutor = min(a_tutor(conn) for _ in range(20))
    student = min(a_student(conn) for _ in range(50))
    conn.execute(RULES, {"tutor": tutor, "student": student, "rules": rules})
    conn.commit()


@dataclass(frozen=True, slots=True)
class Site:
    engine: Engine

    def rest(self) -> None:
        time.sleep(5)  # the machine's own waits, to compare with

    def expand_new(self) -> None:
        """The first expansion: all rows are inserted."""
        expand(self.engine, SETTINGS, self.now())

    def expand_changed(self) -> None:
        """A third of the rules has another topic, three times: their rows are updated."""
        for number in range(3):
            with self.engine.begin() as conn:
                conn.execute(CHANGE_RULES, {"topic": f"topic {number}"})
            expand(self.engine, SETTINGS, self.now())

    def plan(self) -> None:
        for _ in range(20):
            with self.engine.begin() as conn:
                tick(conn, read_catalog(conn), SETTINGS, database_now(conn))

    def sweep(self) -> None:
        for _ in range(5):
            with self.engine.begin() as conn:
                sweep(conn, read_catalog(conn), SETTINGS, database_now(conn))

    def now(self) -> datetime:
        with self.engine.connect() as conn:
            return database_now(conn)


def install(engine: Engine) -> None:
    with engine.begin() as conn:
        upgrade(conn)


def migrate_each(engine: Engine) -> None:
    """From the first migration to the newest, as one upgrade does."""
    with engine.begin() as conn:
        migrate(conn, "head")


def measured(server: PostgresServer, rules: int) -> dict[str, Waits]:
    found: dict[str, Waits] = {}
    servers.create_template(server, "template")
    servers.clone_template(server, "site", "template")
    url, site = server.url("site"), Site(engine_on(server.url("site")))
    with connect(url) as conn:
        fill(conn, rules)
        after_the_first_tick(conn)
    found["nothing"] = beside_writer(url, site.rest)
    found["expansion of new rules"] = beside_writer(url, site.expand_new)
    found["expansion of changed rules"] = beside_writer(url, site.expand_changed)
    found["ticks"] = beside_writer(url, site.plan)
    found["sweeps"] = beside_writer(url, site.sweep)
    create_database(server, "bare")
    bare = server.url("bare")
    with connect(bare) as conn:
        create_site_tables(conn)
        fill(conn, rules)
    found["setup of a new ledger"] = beside_writer(bare, lambda: install(engine_on(bare)))
    create_database(server, "old")
    old = server.url("old")
    with connect(old) as conn:
        create_site_tables(conn)
        fill(conn, rules)
        conn.execute(text("CREATE SCHEMA session_worker"))
        migrate(conn, "0001")
        conn.commit()
    found["all migrations"] = beside_writer(old, lambda: migrate_each(engine_on(old)))
    return found


def main() -> int:
    rules = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.KEPT, {"max_connections": "100"})
        found = measured(server, rules)
    for name, waits in found.items():
        print(f"{name}: {waits}")
    return 1 if any(waits.too_long for waits in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
