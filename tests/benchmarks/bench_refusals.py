"""Rules whose rows the site refuses, beside as many good ones, in one run.

    uv run python -m tests.benchmarks.bench_refusals [--rules 400] [--rounds 5]

Prints the cost with all rules refused, and with a tenth refused, as a share of the cost with none
refused, and the cost of a second run as a share of the first. Only the ratios matter: machines
vary. Measured is the CPU time of this process and of its server processes, and of each kind the
cheapest round, so the ratios hold on a busy machine too. Exits with 1 if one is above its limit
(docs/decisions/0081).
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import process_time

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, insert, make_url, text

from models.site import SITE_TABLES
from scheduler.expansion import expand
from scheduler.settings import Settings
from tasks.demo.servers import (
    Durability,
    PostgresServer,
    Workspace,
    drop_database,
    start_postgres,
)
from tests.servers import clone_template, create_template, engine_on

AS_OF = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PEOPLE = (
    """INSERT INTO users (first_name, email)
       SELECT 'Person', 'person' || n || '@tutoring.example'
         FROM generate_series(1, 2 * :rules) n""",
    "INSERT INTO tutor_profiles (user_id) SELECT n FROM generate_series(1, :rules) n",
    "INSERT INTO student_profiles (user_id) SELECT :rules + n FROM generate_series(1, :rules) n",
    """INSERT INTO tutor_students (tutor_id, student_profile_id)
       SELECT n, n FROM generate_series(1, :rules) n""",
)
REFUSE = """ALTER TABLE tutor_sessions ADD CONSTRAINT of_the_site
            CHECK (is_recurring OR topic IS DISTINCT FROM 'bad')"""


@dataclass(frozen=True, slots=True)
class Run:
    """CPU seconds of the first run, and of a second one directly after it."""

    first: float
    second: float


def run(server: PostgresServer, rules: int, refused: int) -> Run:
    """The first and the second run over this many rules; the refused ones lie among the others."""
    drop_database(server, "refusals")
    clone_template(server, "refusals", "empty")
    engine = create_engine(make_url(server.url("refusals")).set(drivername="postgresql+psycopg2"))
    with engine.begin() as conn:
        for statement in PEOPLE:
            conn.execute(text(statement), {"rules": rules})
        conn.execute(insert(SITE_TABLES.tables["tutor_sessions"]), list(rows(rules, refused)))
        conn.execute(text(REFUSE))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
    engine.dispose()  # its connections, and the time counted so far, end here
    first = seconds(server, engine, failed=refused, inserted=(rules - refused) * 12)
    second = seconds(server, engine, failed=0, inserted=0)
    engine.dispose()
    return Run(first, second)


def rows(rules: int, refused: int) -> Iterator[dict[str, object]]:
    for number in range(rules):
        yield {
            "tutor_id": number + 1,
            "student_id": number + 1,
            "subject": "Mathematics",
            "topic": "bad" if number % 10 < 10 * refused // rules else "good",
            "session_date": date(2026, 12, 1),
            "start_time": f"{8 + number % 10}:00",
            "end_time": f"{9 + number % 10}:00",
            "mode": "online",
            "status": "scheduled",
            "is_recurring": True,
            "session_frequency": "weekly",
        }


def seconds(server: PostgresServer, engine: Engine, *, failed: int, inserted: int) -> float:
    """CPU seconds of one expansion."""
    began = cpu_seconds(server)
    report = expand(engine, Settings(), AS_OF)
    took = cpu_seconds(server) - began
    assert (len(report.failed), report.rows.inserted) == (failed, inserted), report
    return took


BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE datname = 'refusals'")


def cpu_seconds(server: PostgresServer) -> float:
    """CPU seconds of this process and of the server processes of its pooled connections."""
    with engine_on(server.url("postgres")).connect() as conn:
        pids = conn.scalars(BACKENDS).all()
    nanoseconds = sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids)
    return process_time() + nanoseconds / 1e9


@dataclass(frozen=True, slots=True)
class Round:
    """The same rules with none of them refused, all, and a tenth."""

    good: Run
    refused: Run
    mixed: Run


# Compared ratios, and the limit of each.
LIMITS = {
    "all refused : none refused": 3.0,
    "a tenth refused : none refused": 1.5,
    "right after all were refused : that run": 0.05,
}


def show(rounds: Sequence[Round], rules: int) -> bool:
    """True if every ratio is within its limit."""
    good, refused, mixed = map(cheapest, zip(*map(astuple, rounds), strict=True))
    ratios = (
        refused.first / good.first, mixed.first / good.first, refused.second / refused.first,
    )  # fmt: skip
    table = Table("", "ratio", "limit", title=f"{rules} rules, {len(rounds)} rounds")
    for (name, limit), ratio in zip(LIMITS.items(), ratios, strict=True):
        table.add_row(name, f"{ratio:.3f}", f"{limit:.2f}")
    out = Console()
    out.print(table)
    for name, one in {"none": good, "all": refused, "a tenth": mixed}.items():
        out.print(f"{name} refused: {one.first:.3f} s, then {one.second:.4f} s")
    return all(map(float.__le__, ratios, LIMITS.values()))


def cheapest(runs: Sequence[tuple[float, float]]) -> Run:
    return Run(min(first for first, _ in runs), min(second for _, second in runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    wish = parser.parse_args()
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.KEPT, {"max_wal_size": "2GB"})
        create_template(server, "empty")
        rounds = [
            Round(*(run(server, wish.rules, part) for part in (0, wish.rules, wish.rules // 10)))
            for _ in range(wish.rounds)
        ]
    sys.exit(0 if show(rounds, wish.rules) else 1)


if __name__ == "__main__":
    main()
