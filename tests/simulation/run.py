"""One run: a seed decides who goes on, what happens and what breaks; the judge says what it was.

`Simulation.run(seed)` is the same run each time.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zlib import crc32

import psycopg2
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from models.catalog import SiteCatalog, read_catalog
from scheduler.expansion.admin.backfill import Extent, begin_backfill
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, pause, resume_all
from scheduler.reminders.home import WrongDatabase
from scheduler.reminders.moves import admin
from scheduler.reminders.moves.adoption import adopt_database
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.settings import ChannelName, Settings, load_settings
from tasks import delivery, planning
from tasks.database import KNOWN, ServerUnreachable, engine
from tasks.delivery.lanes import Lanes
from tasks.delivery.stop import Stop
from tasks.delivery.tools import Tools
from tests import servers
from tests.simulation.database import empty
from tests.simulation.fibers import Fiber, Process, Turns
from tests.simulation.judge import Wrong, judge_call, judge_end
from tests.simulation.provider import Call, Provider, Record, Told
from tests.simulation.site import Site
from tests.simulation.worker_parts import EPOCH, Broker, parts

STEPS = 1300
FILL_CHUNK = planning.fill_chunk
LEADS = (30, 10)
# The first tick comes so long before the run: all that falls due since is due at its beginning.
BEFORE = timedelta(minutes=50)
# The clock's steps in seconds, and how often each.
JUMPS = ([0.3, 1, 3, 9, 12, 40, 130, 420], [20, 20, 15, 12, 10, 8, 8, 5])
# While a worker sends: as its statements take their time, and now and then beyond its lease.
STEPS_OF_WORK = ([0.02, 0.1, 0.4, 2, 9, 70], [50, 30, 12, 4, 2, 1])
# What a job may end with when something was broken on purpose.
EXPECTED = (DBAPIError, ServerUnreachable, LedgerRefusal, WrongDatabase, psycopg2.Error)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wrong`: what was broken, or None. `edges`: changes of state. `trace`: equal runs' is equal.
    `messages`: calls of providers; `sessions`: rows of the site."""

    seed: int
    wrong: str | None
    edges: frozenset[tuple[str, str]]
    trace: int
    messages: int
    sessions: int


@dataclass
class Simulation:
    """A database that runs use one after the other."""

    url: str
    control: Any = field(init=False)
    catalog: SiteCatalog = field(init=False)

    def __post_init__(self) -> None:
        self.control = psycopg2.connect(self.url)
        self.control.autocommit = True
        with servers.connect(self.url) as conn:
            self.catalog = read_catalog(conn)

    def close(self) -> None:
        self.control.close()

    def run(self, seed: int) -> Verdict:
        self.end_all()
        with servers.connect(self.url) as conn:
            empty(conn)
        return Run(self, seed).through()

    def end_all(self) -> None:
        """What a run that was cut short left behind."""
        with self.control.cursor() as cursor:
            left = True
            while left:
                cursor.execute(END_ALL)
                left = bool(cursor.fetchall())


END_ALL = """
    SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend'"""


@dataclass
class Run:
    """A run under way."""

    simulation: Simulation
    seed: int

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.turns = Turns(self.simulation.control, EPOCH, timedelta(seconds=3))
        self.turns.ended = self.ended
        self.broker = Broker(self.chance)
        self.site = Site(self.turns, self.chance)
        self.record = Record(self.judge)
        self.retried: dict[Told, int] = {}
        self.settings = settings_of(self.simulation.url, self.chance)
        self.providers = {
            name: Provider(name, self.turns, self.chance, self.record)
            for name in (ChannelName.EMAIL, ChannelName.SMS)
        }
        self.processes: dict[str, Process] = {}
        self.wrong: str | None = None
        self.is_calm = False
        self.crc = 0

    def through(self) -> Verdict:
        with servers.connect(self.simulation.url) as conn:
            self.site.begin(conn)
        with parts(self.turns, self.broker, self.chance):
            try:
                for name in ("planner 1", "planner 2", "worker 1", "worker 2", "worker 3",
                             "site", "admin"):  # fmt: skip
                    self.start(name)
                self.turns.set_clock(EPOCH - BEFORE)
                self.one("planner 1", planning.tick.run)  # what was due before is not sent
                self.turns.set_clock(EPOCH)
                self.turbulence()
                self.calm()
                with servers.connect(self.simulation.url) as conn:
                    judge_end(conn, self.record, self.site, LEADS)
            except Wrong as wrong:
                self.wrong = self.wrong or str(wrong)
            finally:
                self.turns.end()
                for process in self.processes.values():
                    process.engine.dispose()
        return self.verdict()

    def verdict(self) -> Verdict:
        ask = self.turns.ask
        edges = frozenset(
            (a, b) for a, b in ask("SELECT DISTINCT source, target FROM simulated.edge")
        )
        (sessions,) = ask("SELECT count(*) FROM public.tutor_sessions")[0]
        calls = len(self.record.calls)
        return Verdict(self.seed, self.wrong, edges, self.crc, calls, sessions)

    # Processes

    def start(self, name: str) -> Process:
        made = engine(self.settings)
        process = Process(name, made)
        records: list[Any] = []
        process.state["records"] = records
        event.listen(made, "connect", lambda _, record: records.append(record))
        KNOWN.catalogs[made] = (float("inf"), self.simulation.catalog)
        process.state |= {
            "tools": Tools(made, self.settings, dict(self.providers), None),  # type: ignore[arg-type]
            "lanes": Lanes(self.settings.channels), "stop": Stop(),
            "catalog": self.simulation.catalog,
        }  # fmt: skip
        self.processes[name] = process
        self.turns.is_quiet = True  # the pool's first connection is made under a lock
        with made.connect():
            pass
        self.turns.is_quiet = False
        return process

    def kill(self, process: Process) -> None:
        """SIGKILL; another takes its place."""
        self.disturb(process)
        self.turns.kill(process)
        for pid in self.pids(process):
            self.turns.ask("SELECT pg_terminate_backend(%s)", pid)
        self.start(process.name)

    def pids(self, process: Process) -> list[int]:
        """Its server processes, in the order in which they were connected."""
        return sorted(
            each.dbapi_connection.info.backend_pid
            for each in connections_of(process)
            if each.dbapi_connection is not None and not each.dbapi_connection.closed
        )

    def disturb(self, process: Process) -> None:
        for call in self.record.calls:
            if call.fiber.process is process and call.confirmed_step is None:
                call.was_disturbed = True

    def is_idle(self, name: str) -> bool:
        process = self.processes[name]
        return not any(fiber.process is process for fiber in self.turns.fibers)

    def begin(self, name: str, what: str, work: Callable[[], object]) -> None:
        self.note(f"{name} begins {what}")
        self.turns.spawn(self.processes[name], what, work)

    def ended(self, fiber: Fiber, error: BaseException | None) -> None:
        if isinstance(error, Wrong):
            self.wrong = self.wrong or str(error)
        elif error is not None and (self.is_calm or not isinstance(error, EXPECTED)):
            self.wrong = self.wrong or f"{fiber.name} raised {error!r}"

    def judge(self, call: Call) -> None:
        self.note(f"call {sorted(map(str, call.told))}")
        try:
            judge_call(call, self.record, self.site, self.retried)
        except Wrong as wrong:  # the worker's code would take it for a fault of the channel
            self.wrong = self.wrong or str(wrong)

    def note(self, words: str) -> None:
        self.crc = crc32(f"{self.turns.steps} {self.turns.now} {words}".encode(), self.crc)

    # The two parts of a run

    def turbulence(self) -> None:
        self.turns.loses_answers = True
        while self.turns.steps < STEPS and self.wrong is None:
            ready = self.turns.ready()
            wish = self.chance.random()
            if ready and wish < 0.82:
                self.go_on(ready)
            elif wish < 0.93:
                self.something()
            elif wish < 0.993 or self.turns.steps < 30:
                self.pass_time()
            else:
                self.fault()
            self.turns.steps += not ready
        self.turns.loses_answers = False

    def go_on(self, ready: list[Fiber]) -> None:
        """Mostly the one that went on last, or hardly anything would come to its end."""
        last = [each for each in ready if each is self.__dict__.get("last")]
        fiber = last[0] if last and self.chance.random() < 0.7 else self.chance.choice(ready)
        self.last = fiber
        self.turns.step(fiber)

    def something(self) -> None:
        what = self.chance.choices(
            [self.plan, self.deliver, self.happen, self.administer], [5, 14, 4, 2]
        )[0]
        what()

    def plan(self) -> None:
        idle = [name for name in ("planner 1", "planner 2") if self.is_idle(name)]
        if idle:
            task = self.chance.choices(
                [planning.tick, planning.sweep, planning.expand], [10, 3, 1]
            )[0]  # fmt: skip
            self.begin(self.chance.choice(idle), task.name, task.run)

    def deliver(self) -> None:
        idle = [each for each in ("worker 1", "worker 2", "worker 3") if self.is_idle(each)]
        if idle and self.broker.messages:
            name, given = self.broker.messages.pop(0)
            if name == "fill_chunk":
                self.begin(idle[0], name, lambda: FILL_CHUNK.run(*given))
            else:
                self.begin(self.chance.choice(idle), name, lambda: delivery.deliver.run(*given))

    def happen(self) -> None:
        if self.is_idle("site"):
            edit = self.site.edit()
            self.begin("site", edit.__name__, self.transaction("site", edit))

    def transaction(self, name: str, work: Callable[[Connection], object]) -> Callable[[], None]:
        def run() -> None:
            began_at = self.turns.now
            try:
                with self.processes[name].engine.connect() as conn:
                    work(conn)
                    conn.commit()
            finally:
                self.site.spans.append((began_at, self.turns.now))

        return run

    def administer(self) -> None:
        if not self.is_idle("admin"):
            return
        now = self.turns.now
        what: Mapping[str, Callable[[Connection], object]] = {
            "pause": lambda conn: pause(
                conn, self.chance.choice((EVERY_CHANNEL, "email", "sms")), None, now
            ),
            "resume": lambda conn: resume_all(conn, now),
            "retry": lambda conn: self.stuck(conn, "retry"),
            "settle sent": lambda conn: self.stuck(conn, "settle_sent"),
            "settle not sent": lambda conn: self.stuck(conn, "settle_not_sent"),
            "release": lambda conn: self.batch(conn, "release_batch"),
            "drop": lambda conn: self.batch(conn, "drop_batch"),
            "move away": lambda conn: conn.execute(
                text("UPDATE session_worker.installation SET objects = 'elsewhere'")
            ),
            "adopt": lambda conn: adopt_database(conn, now),
            "backfill": lambda conn: self.broker.delay(
                begin_backfill(conn, Extent(date(2026, 12, 2), date(2026, 12, 9)))
            ),
        }  # fmt: skip
        name = self.chance.choices([*what], [1, 3, 4, 2, 2, 3, 1, 1, 3, 1])[0]
        self.begin("admin", name, self.transaction("admin", what[name]))

    def stuck(self, conn: Connection, verb: str) -> None:
        states = ["unknown", "held"]
        if verb == "retry":
            states += ["failed", "unreachable", "obsolete"]
        found = conn.execute(text(
            "SELECT id, person_id, starts_at, kind, lead_minutes FROM session_worker.delivery"
            " WHERE state = ANY(:states) ORDER BY id"), {"states": states}).all()  # fmt: skip
        if not found:
            return
        row = self.chance.choice(found)
        getattr(admin, verb)(conn, [row.id], self.turns.now)
        if verb != "settle_sent":
            for told in self.told_together(conn, row):
                self.retried[told] = self.turns.steps + STEPS

    def told_together(self, conn: Connection, row: Any) -> list[Told]:
        return [
            Told(row.person_id, row.starts_at, row.kind, lead)
            for lead in {row.lead_minutes, *LEADS, 15}
        ]

    def batch(self, conn: Connection, verb: str) -> None:
        found = conn.execute(
            text("SELECT id FROM session_worker.held_batch WHERE settled_at IS NULL ORDER BY id")
        ).all()
        if found:
            getattr(admin, verb)(conn, self.chance.choice(found).id, self.turns.now)

    def pass_time(self) -> None:
        names = {each.process.name for each in self.turns.fibers}
        is_busy = any(name.startswith("worker") for name in names)
        seconds = self.chance.choices(*(STEPS_OF_WORK if is_busy else JUMPS))[0]
        self.turns.set_clock(self.turns.now + timedelta(seconds=seconds))

    def fault(self) -> None:
        process = self.processes[self.chance.choice([*self.processes])]
        kind = self.chance.choice(("kill", "cut", "freeze", "lose", "double", "broker"))
        self.note(f"{kind} {process.name}")
        match kind:
            case "kill":
                self.kill(process)
            case "cut":
                pids = self.pids(process)
                if pids:
                    self.disturb(process)
                    self.turns.ask("SELECT pg_terminate_backend(%s)", self.chance.choice(pids))
            case "freeze":
                self.disturb(process)
                seconds = self.chance.choice((5, 15, 70))
                process.frozen_until = self.turns.now + timedelta(seconds=seconds)
            case "lose":
                self.broker.messages.clear()
            case "double":
                self.broker.messages += self.broker.messages
            case "broker":
                self.broker.is_away = not self.broker.is_away

    def calm(self) -> None:
        """Nothing breaks any more: what is to be done has time until all has begun."""
        self.broker.is_away = False
        for provider in self.providers.values():
            provider.is_calm = True
        for process in self.processes.values():
            process.frozen_until = None
        self.finish()
        self.one("admin", self.transaction("admin", self.mend))
        self.is_calm = True
        for minutes in (0.2, 1.2, 16, 90):
            if self.wrong is not None:
                return
            self.turns.set_clock(self.turns.now + timedelta(minutes=minutes))
            self.one("planner 1", planning.sweep.run)
            self.one("planner 1", planning.tick.run)
            for _ in range(20):
                if not self.broker.messages:
                    break
                self.deliver()
                self.finish()
        self.one("planner 2", planning.expand.run)

    def mend(self, conn: Connection) -> None:
        adopt_database(conn, self.turns.now)
        resume_all(conn, self.turns.now)

    def one(self, name: str, work: Callable[[], object]) -> None:
        self.finish()
        self.begin(name, "alone", work)
        self.finish()

    def finish(self) -> None:
        """Let all that was begun come to its end; time passes where they wait for it."""
        for _ in range(20_000):
            if not self.turns.fibers:
                return
            self.turns.fibers = [each for each in self.turns.fibers if not each.process.is_dead]
            ready = self.turns.ready()
            if ready:
                self.turns.step(ready[0])
                continue
            wakes = [each.wakes_at for each in self.turns.fibers if each.wakes_at is not None]
            later = min(wakes) if wakes else self.turns.now + timedelta(seconds=1)
            self.turns.set_clock(max(later, self.turns.now + timedelta(milliseconds=10)))
        names = [each.name for each in self.turns.fibers]
        raise Wrong(f"these come to no end: {names}")


def connections_of(process: Process) -> list[Any]:
    """The pool's records of connections that were made, and not closed."""
    return list(process.state.setdefault("records", []))


def settings_of(url: str, chance: random.Random) -> Settings:
    return load_settings(
        _env_file=None, database_url=url, redis_url="redis://localhost/0", expand_days=14,
        channel_email="mailto://localhost/?to={email}", channel_sms="json://localhost/{phone}",
        reminder_leads=",".join(f"{lead}m" for lead in LEADS), max_attempts=3,
        reminder_recipients="tutor,student",
        flood_limit=chance.choice((3, 1000, 1000)),
    )  # fmt: skip
