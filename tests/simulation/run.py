"""One run: a seed decides who goes on, what happens and what breaks; the judge says what it was.

`Simulation.run(seed)` is the same run each time.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.catalog import SiteCatalog, read_catalog
from scheduler.reminders.home import WrongDatabase
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.settings import ChannelName, Settings, load_settings
from tasks import delivery, planning
from tasks.database import KNOWN, ServerUnreachable
from tasks.delivery.lanes import Lanes
from tasks.delivery.stop import Stop
from tasks.delivery.tools import Tools
from tests import servers
from tests.simulation.administration import Admin
from tests.simulation.breakage import Breakage
from tests.simulation.database import empty
from tests.simulation.engines import Engines
from tests.simulation.fibers import Fiber, Process, Stage, Turns
from tests.simulation.hours import Hours, hours
from tests.simulation.judge import Wrong, judge_call, judge_end
from tests.simulation.people import People
from tests.simulation.provider import Call, Provider, Record
from tests.simulation.site import Site
from tests.simulation.worker_parts import EPOCH, Broker, connections, parts

STEPS = 1000
FILL_CHUNK = planning.fill_chunk
# The first tick comes so long before the run: all that falls due since is due at its beginning.
BEFORE = (50, 50, 50, 5)  # minutes
# The clock's steps in seconds, and how often each.
JUMPS = ([0.3, 1, 3, 9, 15, 35, 100], [10, 15, 20, 20, 12, 6, 1])
# While a worker sends: as its statements take their time, and now and then beyond its lease.
STEPS_OF_WORK = ([0.02, 0.1, 0.4, 2, 5, 70], [50, 30, 14, 6, 2, 0.7])
# Who goes on, where several could: what is sent meets more than what is planned.
EAGER = {"worker": 4, "site": 3, "admin": 3, "people": 3, "planner": 3}
# What a job may end with when something was broken on purpose.
EXPECTED = (DBAPIError, ServerUnreachable, LedgerRefusal, WrongDatabase, psycopg2.Error)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wrong`: what was broken, or None. `edges`: changes of state, and how often each; `moves`: by
    which functions. `trace`: equal runs' is equal. `messages`: calls of providers; `sessions`: rows
    of the site."""

    seed: int
    wrong: str | None
    edges: Mapping[tuple[str, str], int]
    moves: Mapping[str, int]
    trace: int
    messages: int
    sessions: int


@dataclass
class Simulation:
    """A database that runs use one after the other."""

    url: str
    control: Any = field(init=False)
    catalog: SiteCatalog = field(init=False)
    stage: Stage = field(init=False)
    engines: Engines = field(init=False)
    connection: type = field(init=False)

    def __post_init__(self) -> None:
        self.control = psycopg2.connect(self.url)
        self.control.autocommit = True
        with servers.connect(self.url) as conn:
            self.catalog = read_catalog(conn)
        chance = random.Random(0)
        self.stage = Stage(Turns(self.control, EPOCH, timedelta(0), chance))
        self.engines, self.connection = Engines(self.stage), connections(self.stage)

    def close(self) -> None:
        self.engines.forget_all()
        self.control.close()

    def run(self, seed: int) -> Verdict:
        with servers.connect(self.url) as conn:
            empty(conn)
        self.engines.tidy()
        run = Run(self, seed)
        self.stage.turns = run.turns
        verdict = run.through()
        if verdict.wrong or run.turns.was_cut:
            self.begin_anew()
        return verdict

    def begin_anew(self) -> None:
        """No connection is left."""
        self.engines.forget_all()
        self.end_all()

    def end_all(self) -> None:
        """What a run that was cut short left behind."""
        with self.control.cursor() as cursor:
            left = True
            while left:
                cursor.execute(END_ALL)
                left = bool(cursor.fetchall())


EDGES = "SELECT source, target, count(*) FROM simulated.edge GROUP BY 1, 2 ORDER BY 1, 2"
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
        self.turns = Turns(self.simulation.control, EPOCH, timedelta(seconds=3), self.chance)
        self.turns.ended = self.ended
        self.hours = hours(self.chance)
        self.broker = Broker(self.chance)
        self.site = Site(self.turns, self.chance, self.hours, self.called)
        self.record = Record(self.judge)
        self.settings = settings_of(self.simulation.url, self.chance, self.hours)
        self.providers = {
            name: Provider(name, self.turns, self.chance, self.record)
            for name in (ChannelName.EMAIL, ChannelName.SMS)
        }
        self.processes: dict[str, Process] = {}
        self.admin = Admin(self.turns, self.chance, self.broker, self.processes,
                           self.simulation.catalog, self.hours.all_leads)  # fmt: skip
        self.people = People(self.turns, self.chance, self.record, self.site, self.admin)
        self.breakage = Breakage(self.turns, self.chance, self.broker, self.processes, self.record,
                                 self.start)  # fmt: skip
        self.last: Fiber | None = None
        self.moves: Counter[str] = Counter()
        self.wrong: str | None = None
        self.is_calm = False
        self.settled_at: datetime | None = None
        self.crc = 0

    def through(self) -> Verdict:
        with servers.connect(self.simulation.url) as conn:
            self.site.begin(conn)
        with parts(self.turns, self.broker, self.moves, self.simulation.connection):
            try:
                for name in ("planner 1", "planner 2", "worker 1", "worker 2", "worker 3",
                             "site", "admin", "people"):  # fmt: skip
                    self.start(name)
                self.turns.set_clock(EPOCH - timedelta(minutes=self.chance.choice(BEFORE)))
                self.one("planner 1", planning.tick.run)  # what was due before is not sent
                self.turns.set_clock(EPOCH)
                if self.chance.random() < 0.3:  # else the first expansion comes some time
                    self.one("planner 2", planning.expand.run)
                self.turbulence()
                self.calm()
                with servers.connect(self.simulation.url) as conn:
                    judge_end(conn, self.record, self.site, self.settled_at)
            except Wrong as wrong:
                self.wrong = self.wrong or str(wrong)
            finally:
                self.turns.end()
        return self.verdict()

    def verdict(self) -> Verdict:
        ask = self.turns.ask
        edges = {(a, b): count for a, b, count in ask(EDGES)}
        (sessions,) = ask("SELECT count(*) FROM public.tutor_sessions")[0]
        calls = len(self.record.calls)
        return Verdict(self.seed, self.wrong, edges, dict(self.moves), self.crc, calls, sessions)

    # Processes

    def start(self, name: str) -> Process:
        engines = self.simulation.engines
        if name in self.processes:
            engines.forget(name)
        made = engines.of(name, self.settings)
        process = Process(name, name.startswith("planner"), made)
        process.state["used"] = engines.used[made]
        KNOWN.catalogs[made] = (float("inf"), self.simulation.catalog)
        process.state |= {
            "tools": Tools(made, self.settings, dict(self.providers), None),  # type: ignore[arg-type]
            "lanes": Lanes(self.settings.channels), "stop": Stop(),
            "catalog": self.simulation.catalog,
        }  # fmt: skip
        self.processes[name] = process
        return process

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

    def called(self) -> tuple[list[int], list[int]]:
        """Whom the last calls were for, and about which sessions."""
        calls = self.record.calls[-4:]
        people = [told.person for call in calls for told in call.told]
        return sorted({*people}), sorted({id_ for call in calls for id_ in call.sessions})

    def judge(self, call: Call) -> None:
        self.note(f"call {sorted(map(str, call.told))}")
        try:
            judge_call(call, self.record, self.site, self.admin.wished, self.people.acknowledged)
        except Wrong as wrong:  # the worker's code would take it for a fault of the channel
            self.wrong = self.wrong or str(wrong)

    def note(self, words: str) -> None:
        self.crc = crc32(f"{self.turns.steps} {self.turns.now} {words}".encode(), self.crc)

    # The two parts of a run

    def turbulence(self) -> None:
        self.turns.loses_answers = True
        end = self.hours.instants[-1] + timedelta(minutes=5)
        while self.turns.steps < STEPS and self.turns.now < end and self.wrong is None:
            ready = self.turns.ready()
            wish = self.chance.random()
            if wish < 0.75 and (ready or self.turns.fibers):
                self.go_on(ready) if ready else self.wait_or_deliver()
            elif wish < 0.93:
                self.something()
            elif wish < 0.99 or self.turns.steps < 30:
                self.pass_time()
            else:
                self.note(self.breakage.strike())
            self.turns.steps += not ready
        self.turns.loses_answers = False

    def go_on(self, ready: list[Fiber]) -> None:
        """Mostly the one that went on last, or hardly anything would come to its end."""
        if self.last in ready and self.chance.random() < 0.6:
            fiber = self.last
        else:
            weights = [EAGER[each.process.name.split()[0]] for each in ready]
            fiber = self.chance.choices(ready, weights)[0]
        assert fiber is not None
        self.last = fiber
        self.turns.step(fiber)

    def wait_or_deliver(self) -> None:
        if self.broker.messages and self.chance.random() < 0.6:
            self.deliver()
        else:
            self.wait()

    def wait(self) -> None:
        """Until somebody wakes."""
        wakes = [each.wakes_at for each in self.turns.fibers if each.wakes_at is not None]
        wakes += [each.process.frozen_until for each in self.turns.fibers
                  if each.process.frozen_until is not None]  # fmt: skip
        coming = sorted(each for each in wakes if each > self.turns.now)
        if not coming:  # they wait for locks
            self.turns.set_clock(self.turns.now + timedelta(seconds=1))
        elif self.chance.random() < 0.93:
            self.turns.set_clock(coming[0])
        else:
            self.turns.set_clock(self.chance.choice(coming))

    def something(self) -> None:
        what = self.chance.choices(
            [self.plan, self.deliver, self.happen, self.administer, self.do], [6, 14, 4, 3, 4]
        )[0]
        what()

    def plan(self) -> None:
        idle = [name for name in ("planner 1", "planner 2") if self.is_idle(name)]
        if idle:
            task = self.chance.choices(
                [planning.tick, planning.sweep, planning.expand], [10, 4, 1]
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

    def administer(self) -> None:
        if self.is_idle("admin"):
            name, work = self.admin.wish()
            self.begin("admin", name, self.transaction("admin", work))

    def do(self) -> None:
        if self.is_idle("people"):
            doing = self.people.do()
            self.begin("people", doing.__name__, self.transaction("people", doing))

    def transaction(self, name: str, work: Callable[[Connection], object]) -> Callable[[], None]:
        """The work in a transaction; what is to be noted is noted when it is over, committed or
        perhaps committed."""

        def run() -> None:
            began_at = self.turns.now
            notes: list[Callable[[], None]] = []
            try:
                with self.processes[name].engine.connect() as conn:
                    conn.info["at_end"] = notes
                    work(conn)
                    conn.commit()
            finally:
                self.site.spans.append((began_at, self.turns.now))
                for note in notes:
                    note()

        return run

    def pass_time(self) -> None:
        """Mostly some seconds; now and then to just before a lesson begins."""
        coming = [at for at in self.hours.instants if at > self.turns.now + timedelta(seconds=3)]
        if coming and self.chance.random() < 0.03:
            self.turns.set_clock(coming[0] - timedelta(seconds=3))
            return
        names = {each.process.name for each in self.turns.fibers}
        is_busy = self.broker.messages or any(name.startswith(("worker", "pl")) for name in names)
        seconds = self.chance.choices(*(STEPS_OF_WORK if is_busy else JUMPS))[0]
        self.turns.set_clock(self.turns.now + timedelta(seconds=seconds))
        if seconds >= 1 and self.chance.random() < 0.6:
            self.plan()

    def calm(self) -> None:
        """Nothing breaks any more: what is to be done has time until all has begun."""
        self.broker.is_away = False
        for provider in self.providers.values():
            provider.is_calm = True
        for process in self.processes.values():
            process.frozen_until = None
        self.finish()
        self.one("admin", self.transaction("admin", lambda conn: self.admin.mend(
            conn, self.turns.now)))  # fmt: skip
        self.is_calm = True
        for minutes in (1.2, 5):
            self.round(timedelta(minutes=minutes))
        if self.settings.person_rate is None:  # else some may have to wait
            self.settled_at = self.turns.now
        self.turns.set_clock(max(self.turns.now, self.hours.instants[-1] + timedelta(hours=1)))
        for _ in range(6):  # until what waits for a person's rate has gone
            self.round(timedelta(minutes=2.1))
            if not self.turns.ask(IS_ANY_LEFT)[0][0]:
                break
        self.one("planner 2", planning.expand.run)

    def round(self, later: timedelta) -> None:
        """A sweep, a tick and what they hand out."""
        if self.wrong is not None:
            return
        self.turns.set_clock(self.turns.now + later)
        self.one("planner 1", planning.sweep.run)
        self.one("planner 1", planning.tick.run)
        for _ in range(40):
            if not self.broker.messages:
                break
            self.deliver()
            self.finish()

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


IS_ANY_LEFT = """
    SELECT EXISTS (SELECT FROM session_worker.delivery
                    WHERE state IN ('planned', 'claimed', 'sending')
                       OR state IN ('failed', 'unknown') AND retry_at IS NOT NULL)"""


def settings_of(url: str, chance: random.Random, hours: Hours) -> Settings:
    return load_settings(
        _env_file=None, database_url=url, redis_url="redis://localhost/0", expand_days=14,
        channel_email="mailto://localhost/?to={email}", channel_sms="json://localhost/{phone}",
        reminder_leads=",".join(f"{lead}m" for lead in hours.leads),
        reminder_recipients="tutor,student",
        channel_email_rate=chance.choice(("", "", "60/m")),
        max_attempts=chance.choice((1, 3, 3)),
        outbox=chance.choice((*["live"] * 15, "log")),
        flood_limit=chance.choice((3, 1000, 1000, 1000)),
        lease_seconds=chance.choice((15, 15, 60)),
        claim_batch=chance.choice((2, 100)),
        person_rate=chance.choice(("", "20/h", "3/m")),
        sms_budget=chance.choice((0, 0, 6)),
        inbox=chance.choice(("off", "off", "on")),
        escalate=chance.choice(("", "2m:tutor")),
        follow_up=chance.choice(("0", "5m")),
        mute_url=chance.choice(("", "https://site.example/stop/{key}")),
    )  # fmt: skip
