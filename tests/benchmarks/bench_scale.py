"""Ticks, looks, claims and commands, on a small school and on a very large one, in one run.

    uv run python -m tests.benchmarks.bench_scale [--sessions 10000000] [--rounds 3]

The large one has a rule for each hundred sessions and three deliveries for each ten; the small one
is a hundredth of it. Wall time; the best round of each counts, commands run in this process. The
filling takes minutes and some 6 GB of disk.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, text

from models.catalog import SiteCatalog, read_catalog
from models.installation import adopt_installation
from scheduler.expansion import expand
from scheduler.reminders.moves.claims import claim
from scheduler.reminders.sweep import sweep
from scheduler.reminders.tick import tick
from scheduler.settings import Settings, load_settings
from tasks.database import engine as engine_of
from tasks.demo.servers import Durability, PostgresServer, Workspace, start_postgres, start_valkey
from tests.benchmarks.bench_reminders import INDEX, fresh
from tests.command_line import Commands
from tests.servers import create_template

PEOPLE = """
    INSERT INTO users (id, first_name, father_name, email)
    SELECT g, 'Abebe', 'Kebede', 'person' || g || '@tutoring.example'
      FROM generate_series(1, :tutors + :students) g;
    INSERT INTO tutor_profiles (id, user_id) SELECT g, g FROM generate_series(1, :tutors) g;
    INSERT INTO student_profiles (id, user_id)
    SELECT g, :tutors + g FROM generate_series(1, :students) g"""

# Nine years of lessons behind today and a tenth of a year ahead, so that 3 in 100 are to come.
LESSONS = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode,
        status, session_frequency, is_recurring, notification_enabled, alarm_enabled,
        alarm_before_minutes)
    SELECT 1 + g % :tutors, 1 + g % :students, 'Mathematics',
           CAST(:today AS date) + 36 - (g % 3285),
           time '07:00' + make_interval(mins => 5 * (g % 155)),
           'online', 'scheduled', 'one-time', false, g % 10 < 8, g % 10 < 7, 15
      FROM generate_series(1, :sessions) g"""

# Each rule has a tutor and student of its own, as a pair's rules are judged together.
RULES = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode,
        status, session_frequency, is_recurring, notification_enabled, alarm_enabled,
        alarm_before_minutes)
    SELECT 1 + g % :tutors, 1 + g % :students, 'Physics', CAST(:today AS date) - (g % 7),
           time '07:00' + make_interval(mins => 5 * (g / 7 % 155)), 'online', 'scheduled', 'weekly',
           true, true, true, 15
      FROM generate_series(1, :rules) g"""

OVER = """
    INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
        lead_minutes, recipient, person_id, role, state, due_at, send_after, sent_at, planned_at,
        channel, attempts)
    SELECT g, 1 + g % :tutors, 1 + g % :students, at, 'alarm', 15,
           'user:' || (1 + g % :students), 1 + g % :students, 'student', 'sent',
           at - interval '15 min', at - interval '15 min', at - interval '15 min',
           at - interval '16 min', 'email', 1
      FROM generate_series(1, :deliveries) g,
           LATERAL (SELECT CAST(:now AS timestamptz) - interval '1 hour'
                         - g * interval '365 days' / :deliveries AS at) t;
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at, ended_at,
        outcome, words)
    SELECT id, gen_random_uuid(), 'email', due_at, due_at, 'sent', '250 ok'
      FROM session_worker.delivery ORDER BY due_at"""


@dataclass(frozen=True, slots=True)
class School:
    """A filled database. `session`: one of today's."""

    engine: Engine
    settings: Settings
    commands: Commands
    session: int
    catalog: SiteCatalog


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sessions", type=int, default=10_000_000)
    words.add_argument("--rounds", type=int, default=3)
    given = words.parse_args()
    sizes = {"small": given.sessions // 100, "large": given.sessions}
    with Workspace() as workspace:
        settings = {"max_connections": "100", "max_wal_size": "8GB", "shared_buffers": "1GB"}
        server = start_postgres(workspace, Durability.THROW_AWAY, settings)
        create_template(server, "empty")
        broker = start_valkey(workspace).url()
        schools = {name: school(server, broker, name, size) for name, size in sizes.items()}
        report(
            given.sessions, {name: measured(each, given.rounds) for name, each in schools.items()}
        )


def report(sessions: int, found: Mapping[str, Mapping[str, float]]) -> None:
    title = f"{sessions:,} sessions : a hundredth of them"
    table = Table("what", "small, ms", "large, ms", "ratio", title=title)
    for what, small in found["small"].items():
        large = found["large"][what]
        table.add_row(what, f"{small:,.1f}", f"{large:,.1f}", f"{large / small:.2f}")
    Console(width=100).print(table)


def school(server: PostgresServer, broker: str, name: str, sessions: int) -> School:
    engine, now = fresh(server, name), datetime.now(UTC)
    numbers = {
        "sessions": sessions, "rules": sessions // 100, "deliveries": sessions * 3 // 10,
        "tutors": max(sessions // 2000, 10), "students": max(sessions // 100, 10),
        "now": now, "today": now.date(),
    }  # fmt: skip
    begun = time.perf_counter()
    with engine.begin() as conn:
        for statement in (PEOPLE, LESSONS, RULES, INDEX, OVER):
            conn.execute(text(statement), numbers)
        adopt_installation(conn)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
        session = conn.scalar(text("SELECT max(id) FROM tutor_sessions WHERE session_date = :today"
                                   " AND subject = 'Mathematics'"), numbers)  # fmt: skip
        catalog = read_catalog(conn)
    print(
        f"{name}: {sessions:,} sessions filled in {time.perf_counter() - begun:.0f} s", flush=True
    )
    url = server.url(name)
    settings = load_settings(_env_file=None, database_url=url, redis_url=broker)
    conn = engine.connect()
    commands = Commands(conn, url)
    commands.environment |= {"REDIS_URL": broker}
    return School(engine_of(settings), settings, commands, int(session), catalog)


def measured(school: School, rounds: int) -> dict[str, float]:
    """Milliseconds by what was done; the first expansion, which makes the rows, is done once."""
    first = expansion(school)
    made = {"expansion that makes all rows, each 1,000 rules": first}
    with school.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
        rules = int(conn.scalar(text("SELECT count(*) FROM session_worker.series")) or 0)
    made = {what: each * 1000 / rules for what, each in made.items()}
    expansion(school)  # remembers
    for what, work in works(school).items():
        work()
        made[what] = min(milliseconds(work) for _ in range(rounds))
        print(f"{what}: {made[what]:,.1f} ms", flush=True)
    return made


def works(school: School) -> dict[str, Callable[[], object]]:
    number = str(school.session)
    names: dict[str, tuple[str, ...]] = {
        "explain SESSION": ("explain", number),
        "preview SESSION": ("preview", number),
        "doctor": ("doctor",),
        "deliveries, a page": ("deliveries", "--limit", "50"),
        "audit": ("audit",),
    }
    return {
        "look that finds no work": lambda: expansion(school),
        "tick": lambda: in_transaction(school, lambda conn: tick(
            conn, school.catalog, school.settings, datetime.now(UTC))),
        "sweep": lambda: in_transaction(school, lambda conn: sweep(
            conn, school.catalog, school.settings, datetime.now(UTC))),
        "claim": lambda: in_transaction(school, lambda conn: claim(
            conn, datetime.now(UTC), 8, 100, timedelta(minutes=1))),
        **{what: partial(school.commands.run, *given) for what, given in names.items()},
    }  # fmt: skip


def in_transaction(school: School, work: Callable[[Connection], object]) -> None:
    with school.engine.begin() as conn:
        work(conn)


def expansion(school: School) -> float:
    return milliseconds(lambda: expand(school.engine, school.settings, datetime.now(UTC)))


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
