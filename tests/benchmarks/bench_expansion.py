"""Expansion of 10,000 new rules × 12 weeks, compared with hand-written alternatives in one run.

    uv run python -m tests.benchmarks.bench_expansion [--rules 10000] [--rounds 3]

Each contestant has a fresh clone of the same database and makes the same rows. The worker makes
them with everything switched on: rules read, conflicts checked, unmapped columns copied,
occurrences recorded, the report counted. Only the ratios mean something: machines vary.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from psycopg2.extras import execute_values
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, insert, make_url, text
from sqlalchemy.orm import Session

from models.site import SITE_TABLES, TutorSession
from scheduler.expansion import expand
from scheduler.settings import Settings
from tasks.demo.servers import (
    Durability,
    PostgresServer,
    Workspace,
    create_database,
    drop_database,
    freeze_database,
    start_postgres,
)
from tests.servers import clone_template, create_template, engine_on

AS_OF = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
STUDENTS_OF_A_TUTOR = 5
ORM_SHARE = 10  # one add a row is so slow that a tenth is enough
UNMAPPED = "room text", "seat integer", "labels jsonb", "price_list numeric(8, 2)"


@dataclass(frozen=True, slots=True)
class Stage:
    """A server with a database full of rules and no rows, to be cloned for each contestant."""

    server: PostgresServer
    template: str
    rules: int

    def fresh(self, name: str) -> Engine:
        drop_database(self.server, name)
        clone_template(self.server, name, self.template)
        engine = create_engine(
            make_url(self.server.url(name)).set(drivername="postgresql+psycopg2")
        )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("CHECKPOINT"))
        return engine


def set_stage(server: PostgresServer, rules: int) -> Stage:
    """Tutors with five students each. Of the rules, one in ten has two days a week, one in forty
    stands in the way of another, and one in fifty finds a row of its own made by hand."""
    create_template(server, "empty")
    create_database(server, f"rules_{rules}", "empty")
    with engine_on(server.url(f"rules_{rules}")).begin() as conn:
        for column in UNMAPPED:
            conn.execute(text(f"ALTER TABLE tutor_sessions ADD {column}"))
        tutors = -(-rules // STUDENTS_OF_A_TUTOR)
        for statement in PEOPLE:
            conn.execute(text(statement), {"tutors": tutors, "students": rules})
        conn.execute(insert(SITE_TABLES.tables["tutor_sessions"]), rules_of(rules))
        conn.execute(text(HAND_MADE))
        conn.execute(text(FILL_UNMAPPED))
    with engine_on(server.url(f"rules_{rules}")).connect() as conn:
        conn.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    freeze_database(server, f"rules_{rules}")
    return Stage(server, f"rules_{rules}", rules)


PEOPLE = (
    """INSERT INTO users (first_name, email)
       SELECT 'Person', 'person' || n || '@tutoring.example'
         FROM generate_series(1, :tutors + :students) n""",
    "INSERT INTO tutor_profiles (user_id) SELECT n FROM generate_series(1, :tutors) n",
    """INSERT INTO student_profiles (user_id)
       SELECT :tutors + n FROM generate_series(1, :students) n""",
    """INSERT INTO tutor_students (tutor_id, student_profile_id)
       SELECT (n - 1) / 5 + 1, n FROM generate_series(1, :students) n""",
)
HAND_MADE = """
    INSERT INTO tutor_sessions
           (tutor_id, student_id, subject, session_date, start_time, end_time, mode)
    SELECT tutor_id, student_id, subject, session_date + 14, start_time, end_time, mode
      FROM tutor_sessions WHERE id % 50 = 0"""
FILL_UNMAPPED = """
    UPDATE tutor_sessions SET room = 'B' || id % 20, seat = id % 9, price_list = id % 300,
           labels = '{"level": 3, "tags": ["algebra", "exam"]}'"""


def rules_of(rules: int) -> list[dict[str, Any]]:
    chance = random.Random(7)
    return [a_rule(number, chance) for number in range(rules)]


def a_rule(number: int, chance: random.Random) -> dict[str, Any]:
    """Each student of a tutor has an hour of the day; one in forty takes the hour before."""
    monday = date(2026, 11, 23)
    weekday, hour = chance.randrange(7), 9 + 2 * (number % STUDENTS_OF_A_TUTOR)
    half = number % 40 == 39
    days = [NAMES[weekday], NAMES[(weekday + 3) % 7]] if chance.random() < 0.117 else None
    return {
        "tutor_id": number // STUDENTS_OF_A_TUTOR + 1,
        "student_id": number + 1,
        "subject": "Mathematics",
        "topic": "Linear equations and inequalities",
        "session_date": monday + timedelta(days=0 if half else weekday),
        "start_time": time(hour - 2, 30) if half else time(hour),
        "end_time": time(hour - 1, 30) if half else time(hour + 1),
        "duration": 60,
        "mode": "online",
        "meeting_link": f"https://meet.example/{number:08d}",
        "objectives": "Solve an equation with one unknown, and say why each step is allowed.",
        "amount": 250.0,
        "is_recurring": True,
        "session_frequency": "Weekly",
        "recurring_pattern": {"days": days, "months": [], "specific_dates": None},
        "notification_enabled": True,
        "alarm_enabled": True,
    }


NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that the worker made, for the others to make as well: without their ids."""

    columns: tuple[str, ...]
    copied: str  # as COPY writes them
    values: Sequence[tuple[Any, ...]]

    @property
    def names(self) -> str:
        return ", ".join(self.columns)


def rows_made(engine: Engine) -> Rows:
    with engine.connect() as conn:
        columns = tuple(conn.scalars(text(COLUMNS)))
        names = ", ".join(columns)
        query = f"""SELECT {names} FROM tutor_sessions t JOIN session_worker.occurrence o
                        ON o.session_id = t.id AND o.state = 'created' ORDER BY t.id"""
        out = StringIO()
        cursor = conn.connection.cursor()
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", out)
        cursor.execute(query)
        return Rows(
            columns, out.getvalue(), [tuple(map(adapted, row)) for row in cursor.fetchall()]
        )


COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = 'tutor_sessions'::regclass AND attnum > 0 AND NOT attisdropped
       AND attname NOT IN ('id', 'created_at', 'updated_at') ORDER BY attnum"""


def adapted(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def by_worker(engine: Engine) -> int:
    return expand(engine, Settings(), AS_OF).rows.inserted


def by_copy(engine: Engine, rows: Rows) -> int:
    """COPY to a temporary table, then INSERT … SELECT."""
    with engine.begin() as conn:
        conn.execute(text("CREATE TEMP TABLE made ON COMMIT DROP AS"
                          f" SELECT {rows.names} FROM tutor_sessions LIMIT 0"))  # fmt: skip
        cursor = conn.connection.cursor()
        cursor.copy_expert(f"COPY made ({rows.names}) FROM STDIN", StringIO(rows.copied))
        return conn.execute(
            text(f"INSERT INTO tutor_sessions ({rows.names}) SELECT {rows.names} FROM made")
        ).rowcount


def by_execute_values(engine: Engine, rows: Rows) -> int:
    with engine.begin() as conn:
        execute_values(
            conn.connection.cursor(),
            f"INSERT INTO tutor_sessions ({rows.names}) VALUES %s",
            rows.values,
            page_size=1000,
        )
    return len(rows.values)


def by_orm(engine: Engine, rows: Rows) -> int:
    """A tenth of the rows, one add and flush each, without columns that are not in the model."""
    known = [name for name in rows.columns if name in TutorSession.__table__.columns]
    some = rows.values[: len(rows.values) // ORM_SHARE]
    with Session(engine) as session:
        for values in some:
            named = dict(zip(rows.columns, values, strict=True))
            session.add(TutorSession(**{name: named[name] for name in known}))
            session.flush()
        session.commit()
    return len(some)


def by_generate_series(engine: Engine, rows: Rows) -> int:
    """As many rows from generate_series, all alike: what the table itself costs."""
    with engine.begin() as conn:
        others = ", ".join(name for name in rows.columns if name != "session_date")
        return conn.execute(
            text(f"""INSERT INTO tutor_sessions (session_date, {others})
                     SELECT date '2026-12-01' + n % 84, {others}
                       FROM (SELECT * FROM tutor_sessions LIMIT 1) t, generate_series(1, :n) n"""),
            {"n": len(rows.values)},
        ).rowcount


Contestant = Callable[[Engine, Rows], int]
CONTESTANTS: dict[str, Contestant] = {
    "COPY + INSERT … SELECT": by_copy,
    "execute_values": by_execute_values,
    "ORM, one add a row": by_orm,
    "generate_series": by_generate_series,
}


@dataclass(frozen=True, slots=True)
class Round:
    """Rows per second of each, and the time of a run without work as a share of the first run."""

    rates: dict[str, float]
    idle: float


def run_round(stage: Stage) -> Round:
    engine = stage.fresh("worker")
    began = perf_counter()
    made = by_worker(engine)
    first = perf_counter() - began
    rates = {"the worker": made / first}
    began = perf_counter()
    assert by_worker(engine) == 0
    idle = perf_counter() - began
    rows = rows_made(engine)
    assert len(rows.values) == made
    for name, contestant in CONTESTANTS.items():
        engine = stage.fresh("other")
        began = perf_counter()
        count = contestant(engine, rows)
        rates[name] = count / (perf_counter() - began)
    return Round(rates, idle / first)


def show(rounds: Sequence[Round], rows: int) -> None:
    table = Table("", "rows/s", "worker is × as fast", title=f"{rows} rows, {len(rounds)} rounds")
    for name in rounds[0].rates:
        rates = [one.rates[name] for one in rounds]
        ratios = [one.rates["the worker"] / one.rates[name] for one in rounds]
        table.add_row(name, f"{median(rates):,.0f}", spread(ratios, "{:.2f}"))
    out = Console()
    out.print(table)
    idle = [100 * one.idle for one in rounds]
    out.print(f"Nothing to do, % of the first run (min/median/max): {spread(idle, '{:.2f}')}")


def spread(values: Sequence[float], form: str) -> str:
    return " / ".join(form.format(value) for value in (min(values), median(values), max(values)))


def show_memory(server: PostgresServer, rules: Sequence[int]) -> None:
    """Peak memory of an expanding process, for half a chunk of rules and for many."""
    for number in rules:
        stage = set_stage_for_memory(server, number)
        engine = stage.fresh("memory")
        url = engine.url.render_as_string(hide_password=False)
        output = subprocess.run(
            [sys.executable, "-m", __spec__.name, "--memory-of", url],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        Console().print(f"Memory at {number:,} rules: {int(output) / 1024:,.0f} MiB")


def set_stage_for_memory(server: PostgresServer, rules: int) -> Stage:
    drop_database(server, "empty")
    return set_stage(server, rules)


def print_memory_of(url: str) -> None:
    expand(engine_on(url), Settings(), AS_OF)
    # Not getrusage: its peak includes the process that this one was forked from.
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.memory_of:
        print_memory_of(wish.memory_of)
        return
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.KEPT, {"max_wal_size": "2GB"})
        stage = set_stage(server, wish.rules)
        rounds = [run_round(stage) for _ in range(wish.rounds)]
        show(rounds, len(rows_made(engine_on(server.url("worker"))).values))
        if not wish.no_memory:
            show_memory(server, (wish.rules // 5, wish.rules + 1))


if __name__ == "__main__":
    main()
