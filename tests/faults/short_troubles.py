"""Delay of messages that are due at the start of a short trouble.

    uv run python -m tests.faults.short_troubles [COUNT]

measures all of them, one after the other, on two workers and beat; docs/short-troubles.md has the
figures.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import psycopg2
from sqlalchemy import Connection, text

from tasks.demo.servers import PostgresServer, Workspace, start_valkey
from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.faults.rounds import ADDIS, after_the_first_tick
from tests.faults.standby import primary_with_site
from tests.servers import connect
from tests.sinks.http import Answer, HttpSink
from tests.tasks.worker.run import Running, running

# Alarms are due at their session's start; reminders, due in the same second, this long before
# theirs.
LEAD = timedelta(seconds=15)
APART = timedelta(seconds=14)
SETTLED_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Site:
    """The servers and processes that a trouble affects."""

    postgres: PostgresServer
    running: Running
    sink: HttpSink


@dataclass(frozen=True, slots=True)
class Trouble:
    """`happen` begins just before the messages are due, and returns when it is over."""

    name: str
    happen: Callable[[Site], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """Duration of a trouble, delay of the last message, outcomes of all, and how many of the
    worker's processes ended meanwhile."""

    name: str
    trouble: timedelta
    longest_delay: timedelta
    states: Mapping[str, int]
    ended: int

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in self.states.items())
        return (
            f"{self.name}: trouble {self.trouble.total_seconds():.1f} s, longest delay"
            f" {self.longest_delay.total_seconds():.1f} s, {states}, {self.ended} processes ended"
        )


def lock(site: Site, tables: str, seconds: float) -> None:
    """Lock tables, as a migration of the site does."""
    with psycopg2.connect(site.postgres.url("site")) as connection:
        connection.cursor().execute(f"LOCK TABLE {tables}")
        time.sleep(seconds)  # the trouble itself


def restart(site: Site, away_seconds: float) -> None:
    site.postgres.stop()
    time.sleep(away_seconds)  # the trouble itself
    site.postgres.start()


def kill(site: Site) -> None:
    """Kill one of two workers while it sends."""
    site.sink.answer(Answer(delay_seconds=0.5))
    before = len(site.sink.requests)
    eventually(lambda: len(site.sink.requests) > before + 5, within=20)
    worker = site.running.processes[0]
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(10)
    site.sink.script.clear()


LOCKED = Trouble("both-locked", partial(lock, tables="tutor_sessions, users", seconds=5))
RESTARTED = Trouble("restarted", partial(restart, away_seconds=0))
WORKER_KILLED = Trouble("worker-killed", kill)
TROUBLES = (
    Trouble("sessions-locked", partial(lock, tables="tutor_sessions", seconds=5)),
    Trouble("users-locked", partial(lock, tables="users", seconds=5)),
    RESTARTED,
    Trouble("away", partial(restart, away_seconds=2)),
    WORKER_KILLED,
)


@dataclass
class Trial:
    """Troubles at known instants; `spans` when each began and was over."""

    site: Site
    due: Mapping[str, datetime]
    spans: dict[str, timedelta] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def go_through(self, troubles: Sequence[Trouble]) -> None:
        for trouble in troubles:
            begins = self.due[trouble.name] - timedelta(seconds=0.3)
            time.sleep(max(0.0, (begins - datetime.now(ADDIS)).total_seconds()))
            began = time.monotonic()
            before = self.gone()
            trouble.happen(self.site)
            self.ended[trouble.name] = self.gone() - before
            self.spans[trouble.name] = timedelta(seconds=time.monotonic() - began)

    def gone(self) -> int:
        return sum(one.poll() is not None for one in self.site.running.processes)

    def measured(self, name: str) -> Measured:
        arrivals: dict[str, datetime] = {}
        for request in self.site.sink.requests:
            if name in request.json["title"]:
                key = request.json["data"]["key"]
                arrivals.setdefault(key, request.received_at)
        delays = [at - self.due[name] for at in arrivals.values()]
        with connect(self.site.postgres.url("site")) as conn:
            rows = conn.execute(STATES, {"subject": name}).all()
        states = {state: int(number) for state, number in rows}
        longest = max(delays, default=timedelta(0))
        return Measured(name, self.spans[name], longest, states, self.ended[name])


STATES = text("""
    SELECT d.state, count(*) FROM session_worker.delivery d
      JOIN tutor_sessions s ON s.id = d.session_id
     WHERE s.subject = :subject GROUP BY 1 ORDER BY 1""")
OPEN = text("""
    SELECT count(*) FROM session_worker.delivery
     WHERE state IN ('planned', 'claimed', 'sending') OR retry_at IS NOT NULL""")


def try_troubles(
    workspace: Workspace,
    valkey: str,
    sink: HttpSink,
    troubles: Sequence[Trouble],
    count: int,
    lead: timedelta = LEAD,
) -> list[Measured]:
    """Each with so many alarms at the start and as many reminders `lead` before it."""
    postgres = primary_with_site(workspace)
    settings = {
        "CHANNEL_WEBHOOK": f"json://{sink.host}:{sink.port}/",
        "REMINDER_LEADS": f"{lead.seconds}s",
    }
    try:
        with running(postgres.url("site"), valkey, **settings) as processes:
            workers = [processes.worker(), processes.worker()]
            processes.beat()
            eventually(lambda: processes.log().count("ready.") == len(workers), within=120)
            with connect(postgres.url("site")) as conn:
                eventually(lambda: is_ticking(conn), within=60)
                due = fill(conn, [trouble.name for trouble in troubles], count, lead)
            trial = Trial(Site(postgres, processes, sink), due)
            trial.go_through(troubles)
            with connect(postgres.url("site")) as conn:
                eventually(lambda: not still_open(conn), within=SETTLED_SECONDS)
            return [trial.measured(trouble.name) for trouble in troubles]
    finally:
        postgres.kill()


def is_ticking(conn: Connection) -> bool:
    conn.rollback()
    return conn.scalar(text("SELECT first_tick_at FROM session_worker.installation")) is not None


def still_open(conn: Connection) -> int:
    conn.rollback()
    return int(conn.scalar(OPEN) or 0)


def fill(
    conn: Connection, names: Sequence[str], count: int, lead: timedelta
) -> dict[str, datetime]:
    """The sessions of each trouble, named for it. Returns when its messages are due."""
    tutor, student = a_tutor(conn), a_student(conn)
    first = datetime.now(ADDIS).replace(microsecond=0) + timedelta(seconds=10)
    due = {name: first + number * APART for number, name in enumerate(names)}
    for name, at in due.items():
        for _ in range(count):
            alarmed = {"alarm_enabled": True, "alarm_before_minutes": 0}
            a_session(conn, subject=name, tutor_id=tutor, student_id=a_student(conn),
                      **alarmed, **wall(at))  # fmt: skip
            a_session(conn, subject=name, tutor_id=a_tutor(conn), student_id=student,
                      notification_enabled=True, **wall(at + lead))  # fmt: skip
    after_the_first_tick(conn)
    return due


def wall(at: datetime) -> dict[str, object]:
    naive = at.replace(tzinfo=None)
    return {"session_date": naive.date(), "start_time": naive.time(), "end_time": None}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with Workspace() as workspace, HttpSink() as sink:
        valkey = start_valkey(workspace).url()
        for measured in try_troubles(workspace, valkey, sink, TROUBLES, count):
            print(measured)


if __name__ == "__main__":
    main()
