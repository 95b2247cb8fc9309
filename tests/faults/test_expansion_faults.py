"""Expansion and backfill while others write, hold locks, kill and crash (promises 1, 2 and 7).

EXPANSION_KILLS=50 kills a backfill fifty times instead of a few.
"""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import count
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError

from scheduler.expansion import expand
from scheduler.expansion.admin import backfill as backfills
from scheduler.expansion.admin.backfill import Extent, begin_backfill, fill_next_chunk, progress
from scheduler.settings import Settings
from tasks.demo.servers import Durability, Workspace, drop_database, start_postgres
from tasks.demo.servers.databases import Server
from tests.builders import an_anchor
from tests.clean_databases import unused_name
from tests.command_line import REPOSITORY
from tests.eventually import eventually
from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.random_site import build_site
from tests.servers import clone_template, connect, create_template, shared_engine_on

pytestmark = pytest.mark.long

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SETTINGS = Settings(expand_days=28)
SPAN = Extent(date(2026, 10, 1), date(2026, 12, 31))
KILLS = int(os.environ.get("EXPANSION_KILLS", "4"))
SEED, RULES = 4, 70 + 6 * KILLS  # a chunk or a few for each kill
EDITORS, RUNS = 4, 8


def pooled(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg2"))


# While others write

# The more cells, the longer some are still the worker's.
TEXTS = ("topic", "location", "meeting_link", "objectives", "grade_level")


@dataclass
class Editor:
    """A connection of the backend's. Editors share no rows: a deadlock would be with the worker."""

    url: str
    rows: list[int]
    anchors: list[int]
    chance: random.Random
    written: dict[tuple[int, str], str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    words: Iterator[int] = field(default_factory=count)

    def work(self, until: Event) -> int:
        """Returns how many transactions it made."""
        with connect(self.url) as conn:
            for number in count():
                if until.wait(0.005) or len(self.rows) < 5:
                    return number
                self.transaction(conn)
        raise AssertionError("count() does not end")

    def transaction(self, conn: Connection) -> None:
        """One to four rows in any order, each written twice as often as an anchor."""
        written = {}
        for _ in range(self.chance.randrange(1, 5)):
            if self.chance.random() < 0.1:
                self.change_anchor(conn, self.chance.choice(self.anchors))
            else:
                row, name = self.chance.choice(self.rows), self.chance.choice(TEXTS)
                value = f"edit {next(self.words)}"
                edit(conn, row, name, value)
                written[row, name] = value
        if self.chance.random() < 0.002:
            self.delete(conn, self.chance.choice(self.rows))
        conn.commit()
        self.written |= {key: value for key, value in written.items() if key[0] in self.rows}

    def change_anchor(self, conn: Connection, anchor: int) -> None:
        match self.chance.randrange(3):
            case 0:
                for name in TEXTS:
                    edit(conn, anchor, name, f"rule {next(self.words)}")
            case 1:
                edit(conn, anchor, "start_time", time(self.chance.randrange(8, 12)))
            case _:
                day = f"2026-12-{self.chance.randrange(10, 30)}"
                edit(conn, anchor, "recurring_pattern", f'{{"except": ["{day}"]}}')

    def delete(self, conn: Connection, row: int) -> None:
        conn.execute(text("DELETE FROM tutor_sessions WHERE id = :id"), {"id": row})
        self.rows.remove(row)
        self.deleted.add(row)
        self.written = {key: value for key, value in self.written.items() if key[0] != row}


def edit(conn: Connection, row: int, name: str, value: Any) -> None:
    conn.execute(
        text(f"UPDATE tutor_sessions SET {name} = :value WHERE id = :id"),
        {"value": value, "id": row},
    )


def editors_of(site: Site, url: str) -> list[Editor]:
    rows = list(site.sql("SELECT id FROM tutor_sessions WHERE NOT is_recurring").scalars())
    anchors = list(site.sql("SELECT id FROM tutor_sessions WHERE is_recurring").scalars())
    return [
        Editor(url, rows[number::EDITORS], anchors[number::EDITORS], random.Random(number))
        for number in range(EDITORS)
    ]


def test_four_that_edit_rows_at_random_lose_nothing_and_wait_for_nobody_for_ever(
    conn: Connection, database: str
) -> None:
    site, engine = Site(conn, shared_engine_on(database)), pooled(database)
    for _ in range(30):
        an_anchor(conn, end_time=None)
    conn.commit()
    expand(engine, SETTINGS, NOON)
    editors, enough = editors_of(site, database), Event()

    with ThreadPoolExecutor(EDITORS) as pool:
        working = [pool.submit(editor.work, enough) for editor in editors]
        written = [expand(engine, SETTINGS, NOON) for _ in range(RUNS)]
        enough.set()
        made = sum(one.result() for one in working)  # raises what the backend got: a deadlock

    assert [one.failed for one in written if one.failed] == []
    assert sum(one.rows.updated for one in written) > 50
    assert made > 100
    expand(engine, SETTINGS, NOON)
    found = {row.id: row for row in site.sql("SELECT * FROM tutor_sessions")}
    for editor in editors:
        assert editor.deleted.isdisjoint(found)
        for (row, name), value in editor.written.items():
            assert getattr(found[row], name) == value
    assert site.sql(DEADLOCKS).scalar() == 0
    before = site.everything()
    expand(engine, SETTINGS, NOON)
    assert site.everything() == before
    engine.dispose()


@dataclass
class Interruption:
    """Does something in another connection just before one statement of a run: the `at`-th. If it
    has to wait for the run, it is done after it, like the backend's statements."""

    engine: Engine
    url: str
    act: Callable[[Connection], None]
    at: int
    seen: int = 0
    done: bool = False

    def run(self) -> None:
        event.listen(self.engine, "before_cursor_execute", self.watch)
        expand(self.engine, SETTINGS, NOON)
        event.remove(self.engine, "before_cursor_execute", self.watch)
        if not self.done:
            self.interrupt()

    def watch(self, *_: object) -> None:
        self.seen += 1
        if self.seen == self.at:
            self.interrupt()

    def interrupt(self) -> None:
        with connect(self.url) as conn:
            conn.execute(text("SET lock_timeout = '30ms'"))
            with suppress(OperationalError):
                self.act(conn)
                conn.commit()
                self.done = True


def test_an_edit_a_move_and_a_delete_stand_at_whatever_moment_of_a_run_they_come(
    conn: Connection, database: str
) -> None:
    """The run moves rows, follows a new topic and fills dates; for each of its statements once."""
    site, engine = Site(conn, shared_engine_on(database)), pooled(database)
    moment, statements = 0, 1
    while moment < statements:
        moment += 1
        anchor = an_anchor(conn, topic="Fractions")
        conn.commit()
        expand(engine, SETTINGS, NOON)
        ids = list(site.sql(ROWS_OF, anchor=anchor).scalars())
        site.edit(anchor, topic="Decimals", recurring_pattern='{"days": ["Thursday"]}')
        run = Interruption(engine, database, meddling_with(ids), moment)
        run.run()
        statements = run.seen

        expand(engine, SETTINGS, NOON)

        rows = {row.id: row for row in site.sql(ALL_OF, **site.pair(anchor))}
        assert rows[ids[0]].topic == "theirs"
        assert (rows[ids[1]].session_date, rows[ids[1]].location) == (date(2026, 12, 23), "B2")
        assert ids[2] not in rows
        assert rows[ids[3]].topic == "Decimals"
        made = [row for row in rows.values() if row.id not in ids and row.id != anchor]
        assert {row.session_date.strftime("%A") for row in made} <= {"Thursday"}
        assert len({row.session_date for row in rows.values()}) == len(rows)
        site.edit(anchor, is_recurring=False)
    assert moment > 30
    engine.dispose()


ROWS_OF = """
    SELECT session_id FROM session_worker.occurrence WHERE anchor_id = :anchor ORDER BY occurs_on"""
ALL_OF = "SELECT * FROM tutor_sessions WHERE tutor_id = :tutor_id AND student_id = :student_id"


def meddling_with(ids: list[int]) -> Callable[[Connection], None]:
    def meddle(conn: Connection) -> None:
        edit(conn, ids[0], "topic", "theirs")
        edit(conn, ids[1], "location", "B2")
        edit(conn, ids[1], "session_date", date(2026, 12, 23))
        conn.execute(text("DELETE FROM tutor_sessions WHERE id = :id"), {"id": ids[2]})

    return meddle


DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def test_rows_that_the_backend_holds_do_not_stop_the_others_and_are_done_later(
    conn: Connection, database: str
) -> None:
    site = Site(conn, shared_engine_on(database))
    anchor = an_anchor(conn, topic="Fractions")
    site.run()
    held = [site.row_on(anchor, day).id for day in (date(2026, 12, 8), date(2026, 12, 22))]
    site.edit(anchor, topic="Decimals")

    with connect(database) as backend:
        lock = text("SELECT FROM tutor_sessions WHERE id = ANY(:ids) FOR UPDATE")
        backend.execute(lock, {"ids": [anchor, *held]})
        report = site.run()
        assert topics(site) == {"Fractions": 2, "Decimals": 3}
    assert (report.failed, report.rows.updated) == ((), 2)

    site.run()

    assert topics(site) == {"Decimals": 5}


def topics(site: Site) -> dict[str, int]:
    found = site.sql("SELECT topic, count(*) FROM tutor_sessions GROUP BY 1").all()
    return {row.topic: row.count for row in found}


# Backfills


@pytest.fixture
def quiet_rows(postgres: Server, template: str) -> Iterator[list[Any]]:
    """The result of one undisturbed run on the random site."""
    name = unused_name("quiet")
    clone_template(postgres, name, template)
    with random_site(postgres.url(name)) as site:
        fill(site.engine, begin(site.engine))
        yield rows_of(site)
    drop_database(postgres, name)


@contextmanager
def random_site(url: str) -> Iterator[Site]:
    with connect(url) as conn:
        build_site(conn, SEED, RULES)
        conn.commit()
        engine = pooled(url)
        yield Site(conn, engine)
        engine.dispose()


def begin(engine: Engine) -> int:
    """A backfill with one rule per chunk, so that it can be interrupted often."""
    with engine.begin() as conn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfills, "CHUNK", 1)
        return begin_backfill(conn, SPAN)


def fill(engine: Engine, backfill_id: int) -> None:
    while fill_next_chunk(engine, SETTINGS, NOON, backfill_id):
        pass


def rows_of(site: Site) -> list[Any]:
    """Rows and records as they are, without the ids that a sequence gave them."""
    rows = site.sql("""
        SELECT to_jsonb(t) - '{id,created_at,updated_at}'::text[] AS cells, count(*)
          FROM tutor_sessions t GROUP BY 1 ORDER BY 1""").all()
    records = site.sql("""
        SELECT o.anchor_id, o.occurs_on, o.state, b.tutor_id, b.student_id, b.start_time
          FROM session_worker.occurrence o
          LEFT JOIN tutor_sessions b ON b.id = o.blocked_by ORDER BY 1, 2""").all()
    assert rows
    assert records
    return [rows, records]


def test_a_backfill_that_is_killed_again_and_again_makes_the_rows_of_one_quiet_run(
    database: str, quiet_rows: list[Any]
) -> None:
    chance = random.Random(KILLS)
    with random_site(database) as site:
        number = begin(site.engine)
        for _ in range(KILLS):
            with resumed(database, number) as process:
                if chance.random() < 0.7:  # else: while it starts
                    until_it_works(site.engine, number)
                after_a_moment(chance.random() * 0.1)
                process.send_signal(signal.SIGKILL)
        assert left(site.engine, number) > 0  # else the last kills interrupted nothing

        with resumed(database, number) as process:
            assert process.wait(timeout=120) == 0

        assert left(site.engine, number) == 0
        assert rows_of(site) == quiet_rows


@contextmanager
def resumed(url: str, number: int) -> Iterator[subprocess.Popen[bytes]]:
    """The real command in a process of its own."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "backfill", "--inline"]
    process = subprocess.Popen(
        [*command, "--resume", str(number)], cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": url}, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_it_works(engine: Engine, number: int) -> None:
    before = left(engine, number)
    eventually(lambda: left(engine, number) < before)


def left(engine: Engine, number: int) -> int:
    with engine.connect() as conn:
        return progress(conn, number).left


def after_a_moment(seconds: float) -> None:
    """Wait a random moment, so that a kill falls at any point of a chunk."""
    Event().wait(seconds)


def test_two_backfills_an_expansion_and_two_that_share_one_double_nothing(
    database: str, quiet_rows: list[Any]
) -> None:
    with random_site(database) as site, ThreadPoolExecutor(4) as pool:
        first, second = begin(site.engine), begin(site.engine)

        filling = [pool.submit(fill, site.engine, number) for number in (first, first, second)]
        expanding = pool.submit(expand, site.engine, SETTINGS, NOON)
        for one in filling:
            one.result(timeout=120)
        expanding.result(timeout=120)

        assert [left(site.engine, number) for number in (first, second)] == [0, 0]
        assert site.sql(DOUBLED).all() == []
        assert rows_of(site)[1] == quiet_rows[1]


DOUBLED = """
    SELECT tutor_id, student_id, session_date, start_time FROM tutor_sessions
     WHERE id IN (SELECT session_id FROM session_worker.occurrence WHERE state = 'created')
     GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"""


def test_a_server_that_crashes_loses_whole_chunks_at_most(quiet_rows: list[Any]) -> None:
    """A chunk's commit does not wait for the disk: lost chunks are done again."""
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.KEPT)
        create_template(server, "empty")
        clone_template(server, "site", "empty")
        with random_site(server.url("site")) as site:
            number = begin(site.engine)
            for _ in range(20):
                fill_next_chunk(site.engine, SETTINGS, NOON, number)
        server.kill()
        server.start()
        with connect(server.url("site")) as conn:
            site = Site(conn, pooled(server.url("site")))

            fill(site.engine, number)

            assert rows_of(site) == quiet_rows
            site.engine.dispose()
