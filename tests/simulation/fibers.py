"""Actors in turns: a fiber runs until its statement is answered, then another may go on.

psycopg2 waits for the server by a callback (`set_wait_callback`); there the fiber of a statement
gives its turn away. So the worker's own code runs as it is, on real connections, in an order that a
seed decides. One that waits for another's lock is passed over until it has it.
"""

import random
import select
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
from greenlet import getcurrent, greenlet
from psycopg2 import extensions

# How long a statement may be silent before it is asked whether it waits for a lock.
SILENT_SECONDS = 0.03
# How many of the statements of a dull process are no point where another goes on.
DULL = 0.85


class Ended(BaseException):
    """The run is over, or the process was killed: no `except Exception` may go on."""


@dataclass(eq=False)
class Process:
    """What dies together. `frozen_until`: suspended (SIGSTOP) up to that instant. `is_dull`: few of
    its statements are points where another may go on."""

    name: str
    is_dull: bool = False
    engine: Any = None
    is_dead: bool = False
    frozen_until: datetime | None = None
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Fiber:
    """A thread of a process. `wakes_at` and `until`: what it sleeps for, whichever comes first."""

    name: str
    process: Process
    run: Any = None
    wakes_at: datetime | None = None
    until: Callable[[], bool] | None = None
    waits_on: Any = None  # a connection that waits for a lock
    waits_since: datetime | None = None
    on_answer: Callable[[], None] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Stage:
    """Where one run follows another: it has the turns of the present one."""

    turns: "Turns"


class Turns:
    """The fibers of a run and its clock. Only the fiber whose turn it is runs."""

    def __init__(
        self, control: Any, now: datetime, lock_timeout: timedelta, chance: random.Random
    ) -> None:
        self.control, self.lock_timeout, self.chance = control, lock_timeout, chance
        self.main = getcurrent()
        self.fibers: list[Fiber] = []
        self.current: Fiber | None = None
        self.is_over = self.was_cut = False
        self.is_quiet = False
        self.steps = 0
        self.loses_answers = False
        self.failures: list[tuple[Fiber, BaseException]] = []
        self.ended: Callable[[Fiber, BaseException | None], None] = lambda fiber, error: None
        self.now = now
        self.set_clock(now)

    # The clock

    def set_clock(self, now: datetime) -> None:
        """For the worker's code and for the database alike."""
        self.now = now
        micros = round((now - datetime(2026, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        self.ask("SELECT setval('simulated.clock', %s)", micros)

    def monotonic(self) -> float:
        return self.now.timestamp()

    # Of the main loop

    def spawn(self, process: Process, name: str, work: Callable[[], object]) -> Fiber:
        fiber = Fiber(name, process)
        fiber.run = greenlet(lambda: self._run(fiber, work), self.main)
        self.fibers.append(fiber)
        return fiber

    def _run(self, fiber: Fiber, work: Callable[[], object]) -> None:
        error: BaseException | None = None
        try:
            work()
        except Ended:
            return
        except BaseException as raised:  # noqa: BLE001 (the run judges it)
            error = raised
        self.ended(fiber, error)

    def step(self, fiber: Fiber) -> None:
        """Let a fiber run to its next point."""
        self.steps += 1
        self.current = fiber
        try:
            fiber.run.switch()
        finally:
            self.current = None
            self.fibers = [each for each in self.fibers if not each.run.dead]

    def ready(self) -> list[Fiber]:
        self.look_after_waiting()
        return [each for each in self.fibers if self.is_ready(each)]

    def is_ready(self, fiber: Fiber) -> bool:
        process = fiber.process
        if process.is_dead or (process.frozen_until and process.frozen_until > self.now):
            return False
        if fiber.waits_on is not None:
            return self.has_waited_too_long(fiber)
        if fiber.until is not None and fiber.until():
            return True
        if fiber.wakes_at is not None:
            return fiber.wakes_at <= self.now
        return fiber.until is None

    def has_waited_too_long(self, fiber: Fiber) -> bool:
        return fiber.waits_since is not None and self.now - fiber.waits_since > self.lock_timeout

    def look_after_waiting(self) -> None:
        """Who got their lock goes on; that is waited for, so that it is the same in each run."""
        waiting = [each for each in self.fibers if each.waits_on is not None]
        for fiber in waiting:
            while not is_answered(fiber.waits_on):
                if self.blockers(fiber.waits_on) and not self.is_deadlocked(fiber, waiting):
                    break
                select.select([fiber.waits_on.fileno()], [], [], SILENT_SECONDS)
            else:
                fiber.waits_on = None

    def is_deadlocked(self, fiber: Fiber, waiting: list[Fiber]) -> bool:
        """PostgreSQL ends one of them soon."""
        pids = {each.waits_on.info.backend_pid: each for each in waiting if each.waits_on}
        seen, here = set(), [fiber]
        while here:
            for pid in self.blockers(here.pop().waits_on):
                if pid == fiber.waits_on.info.backend_pid:
                    return True
                if pid in pids and pid not in seen:
                    seen.add(pid)
                    here.append(pids[pid])
        return False

    def blockers(self, connection: Any) -> list[int]:
        found = self.ask("SELECT pg_blocking_pids(%s)", connection.info.backend_pid)
        return list(found[0][0])

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """On a connection of the simulation's own; nobody else goes on meanwhile."""
        was, self.is_quiet = self.is_quiet, True
        try:
            with self.control.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            self.is_quiet = was

    def kill(self, process: Process) -> None:
        """SIGKILL: nothing of it runs any more; its connections end."""
        process.is_dead = True

    def end(self) -> None:
        """No code of a fiber goes on; what they still hold is let go."""
        self.is_over = True
        self.was_cut = bool(self.fibers)
        for fiber in self.fibers:
            if fiber.run and not fiber.run.dead:  # those that never began end by themselves
                self.current = fiber
                fiber.run.throw(Ended)
        self.current = None
        self.fibers = []

    # Of a fiber

    def pause(self) -> None:
        """A point where another may go on."""
        fiber = self.current
        if fiber is None or self.is_quiet or getcurrent() is not fiber.run:
            return
        self.main.switch()
        if self.is_over or fiber.process.is_dead:
            raise Ended

    def sleep(self, seconds: float) -> None:
        self.wait_for(None, seconds)

    def wait_for(self, until: Callable[[], bool] | None, seconds: float | None) -> bool:
        fiber = self.current
        if self.is_over:
            raise Ended
        if fiber is None:
            return until is None or until()
        fiber.until = until
        fiber.wakes_at = None if seconds is None else self.now + timedelta(seconds=seconds)
        self.pause()
        fiber.until = fiber.wakes_at = None
        return until is None or until()

    def wait_for_server(self, connection: Any) -> None:
        """psycopg2's wait callback."""
        fiber = self.current
        if fiber is not None and not self.is_quiet and (self.is_over or fiber.process.is_dead):
            raise Ended
        silent = SILENT_SECONDS
        while (state := connection.poll()) != extensions.POLL_OK:
            line = [connection.fileno()]
            if state == extensions.POLL_WRITE:
                select.select([], line, [])
            elif fiber is None or self.is_quiet:
                select.select(line, [], [])
            elif not select.select(line, [], [], silent)[0]:
                silent = min(silent * 2, 0.1)
                if connection.info.backend_pid and self.blockers(connection):
                    self.wait_for_lock(fiber, connection)
        if fiber is not None and not self.is_quiet:
            if fiber.on_answer is not None:
                fiber.on_answer()
            if not self.is_passed_over(fiber, connection):
                self.pause()

    def is_passed_over(self, fiber: Fiber, connection: Any) -> bool:
        """Between some statements nobody else goes on: those that tell nothing of the ledger, and
        most of a planning pass, which would fill the run."""
        if getattr(connection, "is_beginning", False):  # BEGIN comes first, by itself
            connection.is_beginning = False
            return True
        if getattr(connection, "is_minor", False):
            return True
        is_open = connection.info.transaction_status != extensions.TRANSACTION_STATUS_IDLE
        return is_open and fiber.process.is_dull and self.chance.random() < DULL

    def wait_for_lock(self, fiber: Fiber, connection: Any) -> None:
        fiber.waits_on, fiber.waits_since = connection, self.now
        self.pause()
        if fiber.waits_on is not None:  # as lock_timeout would
            fiber.waits_on = None
            connection.has_timed_out = True
            self.ask("SELECT pg_cancel_backend(%s)", connection.info.backend_pid)
        fiber.waits_since = None


def is_answered(connection: Any) -> bool:
    return connection.closed or bool(select.select([connection.fileno()], [], [], 0)[0])


def lock_timed_out() -> psycopg2.Error:
    """PostgreSQL's error, as psycopg2 has it."""
    error = psycopg2.errors.LockNotAvailable("canceling statement due to lock timeout")
    with_code: Any = error
    with_code.__setstate__({"pgcode": "55P03", "pgerror": None})
    return error
