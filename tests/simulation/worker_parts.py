"""The worker's modules, with the simulation's clock, threads, broker and chance in them.

Only what a module takes from outside is exchanged: time, threads, the Celery app, the engine of the
process, the words of a message. All else is the worker's own code.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg2
from kombu.exceptions import OperationalError as BrokerAway
from psycopg2 import extensions

from tasks.database import answer
from tasks.delivery.batch import Run
from tasks.delivery.lease import KeptLease
from tasks.delivery.stop import Stop
from tasks.delivery.worker_process import Beat
from tests.simulation.fibers import Fiber, Process, Turns, lock_timed_out
from tests.simulation.provider import letter_of


class Broker:
    """Batches and chunks that were posted and not taken."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.messages = chance, list[tuple[str, tuple[Any, ...]]]()
        self.is_away = False

    def send_task(self, name: str, given: tuple[Any, ...], **_: Any) -> None:
        if self.is_away:
            raise BrokerAway("the broker is away")
        self.messages.append((name, given))

    def delay(self, backfill_id: int) -> None:
        self.messages.append(("fill_chunk", (backfill_id,)))


def parts(turns: Turns, broker: Broker, chance: random.Random) -> "ExitStack":
    """Enter it to have the worker run in the simulation."""
    stack = ExitStack()
    of_process: dict[str, Callable[[], Any]] = {
        "worker_engine": lambda: here(turns).engine,
        "worker_settings": lambda: here(turns).state["tools"].settings,
        "worker_tools": lambda: here(turns).state["tools"],
        "worker_lanes": lambda: here(turns).state["lanes"],
    }
    clock = SimpleNamespace(monotonic=turns.monotonic, sleep=turns.sleep, time=turns.monotonic)
    catalog: Callable[[Any], Any] = lambda _: here(turns).state["catalog"]  # noqa: E731
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    stop = StopHere(turns)
    exchanged: dict[str, dict[str, Any]] = {
        "tasks.planning": {"app": broker, "fill_chunk": broker, "site_catalog": catalog,
                           "follow_zones": nothing, "log_once": nothing,
                           "log_once_about": nothing, "say_clocks_apart": nothing,
                           "say_what_is_held": nothing},
        "tasks.delivery": {"app": broker, "WORKER_STOP": stop},
        "tasks.delivery.worker_process": {"BEAT": Beat(), "time": clock, "WORKER_STOP": stop,
                                          "log_once": nothing},
        "tasks.delivery.batch": {"time": clock, "Thread": threads(turns), "follow_zones": nothing,
                                 "KeptLease": leases(turns), "Run": runs(turns)},
        "tasks.delivery.sender": {"time": clock, "site_catalog": catalog,
                                  "worded": lambda tools, message, form: letter_of(message)},
        "tasks.delivery.group_commit": {"Condition": conditions(turns)},
        "tasks.delivery.lease": {"Thread": threads(turns)},
        "tasks.delivery.stop": {"time": clock},
        "tasks.delivery.permits": {"datetime": SimpleNamespace(now=lambda _=UTC: turns.now)},
        "tasks.delivery.message": {"uuid4": lambda: uuid(chance)},
        "scheduler.reminders.moves.claims": {"uuid4": lambda: uuid(chance)},
        "scheduler.database_clock": {"time": clock},
        "tasks.database.answer": {"watch": nothing},
        "tasks.database": {"SESSION_SETTINGS": {"timezone": "UTC", "lock_timeout": "0"},
                           "WatchedConnection": connections(turns, chance)},
    }  # fmt: skip
    for module, names in exchanged.items():
        for name, thing in names.items():
            stack.enter_context(patch(f"{module}.{name}", thing))
    for module in ("tasks.planning", "tasks.delivery", "tasks.delivery.worker_process"):
        for name, thing in of_process.items():
            if has(module, name):
                stack.enter_context(patch(f"{module}.{name}", thing))
    stack.enter_context(witnessed(turns))
    extensions.set_wait_callback(turns.wait_for_server)
    stack.callback(extensions.set_wait_callback, None)
    return stack


def has(module: str, name: str) -> bool:
    from importlib import import_module

    return hasattr(import_module(module), name)


@contextmanager
def witnessed(turns: Turns) -> Iterator[None]:
    """Notes when a fiber read, decided and recorded, for the judge; changes nothing."""
    from scheduler.reminders.moves import sending
    from tasks.delivery import batch, group_commit, sender

    own: Any = sender
    read, decide, begin, record = (
        own.take_snapshot, own.decide, sending.begin_sending, own.record,
    )  # fmt: skip
    begin_all, mark_all_sent = sending.begin_all, sending.mark_all_sent
    fibers: dict[int, Any] = {}  # of the ledger rows that are begun, or recorded, in a group

    def take_snapshot(*given: Any) -> Any:
        step = turns.steps
        found = read(*given)
        notes(turns)["read_step"] = step
        return found

    def decided(*given: Any) -> Any:
        notes(turns)["decided_at"] = turns.now
        return decide(*given)

    def begin_sending(*given: Any) -> Any:
        fiber = turns.current
        assert fiber is not None
        fiber.on_answer = lambda: fiber.notes.update(truth=truth(turns))
        try:
            return begin(*given)
        finally:
            fiber.on_answer = None

    def recorded(conn: Any, ended: Any, *given: Any) -> Any:
        result = record(conn, ended, *given)
        notes(turns)["recorded"] = notes(turns).get("call")
        return result

    class Step(group_commit.Step):
        def __init__(self, ended: Any, beginning: Any, copy: Any) -> None:
            super().__init__(ended, beginning, copy)
            fibers[beginning.row.id] = turns.current
            if ended is not None:
                fibers[ended.tried.ids[0]] = turns.current

    def begun_all(conn: Any, beginnings: Any, *given: Any) -> Any:
        leader = turns.current
        assert leader is not None
        group = [fibers[each.row.id] for each in beginnings]

        def note_truth() -> None:
            for fiber in group:
                fiber.notes.update(truth=truth(turns))

        leader.on_answer = note_truth
        try:
            return begin_all(conn, beginnings, *given)
        finally:
            leader.on_answer = None

    def all_sent(conn: Any, accepted: Any) -> Any:
        moved = mark_all_sent(conn, accepted)
        calls = [fibers[each.tried.ids[0]].notes.get("call") for each in accepted]
        notes(turns)["recorded_in_group"] = calls
        return moved

    with (
        patch.object(sender, "Step", Step),
        patch.object(sending, "begin_all", begun_all),
        patch.object(sending, "mark_all_sent", all_sent),
        patch.object(sender, "take_snapshot", take_snapshot),
        patch.object(batch, "take_snapshot", take_snapshot),
        patch.object(sender, "decide", decided),
        patch.object(sending, "begin_sending", begin_sending),
        patch.object(sender, "record", recorded),
    ):
        yield


TRUTH = """
    SELECT id, (session_date + start_time) AT TIME ZONE 'Africa/Addis_Ababa', status,
           notification_enabled, alarm_enabled, alarm_before_minutes FROM public.tutor_sessions"""


def truth(turns: Turns) -> dict[int, Any]:
    """The site's sessions at this moment."""
    return {row[0]: row for row in turns.ask(TRUTH)}


def here(turns: Turns) -> Process:
    assert turns.current is not None
    return turns.current.process


def notes(turns: Turns) -> dict[str, Any]:
    assert turns.current is not None
    return turns.current.notes


def uuid(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


class StopHere:
    """WORKER_STOP of the process whose turn it is."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns

    def __getattr__(self, name: str) -> Any:
        stop: Stop = here(self.turns).state["stop"]
        return getattr(stop, name)


def threads(turns: Turns) -> type:
    class SimulatedThread:
        def __init__(self, target: Callable[..., object], args: tuple[Any, ...] = (),
                     name: str = "", **_: Any) -> None:  # fmt: skip
            self.work, self.name = (lambda: target(*args)), name

        def start(self) -> None:
            parent = turns.current
            assert parent is not None
            fiber = turns.spawn(parent.process, self.name, self.work)
            fiber.notes.update(parent.notes)

    return SimulatedThread


def leases(turns: Turns) -> Callable[..., KeptLease]:
    event = events(turns)
    return lambda engine, holder, lease: KeptLease(engine, holder, lease, event())


def runs(turns: Turns) -> Callable[..., Run]:
    condition = conditions(turns)
    return lambda work, batch, lanes, lease, then: Run(
        work, batch, lanes, lease, then, changed=condition()
    )


def events(turns: Turns) -> type:
    class SimulatedEvent:
        def __init__(self) -> None:
            self.is_set = False

        def set(self) -> None:
            self.is_set = True

        def wait(self, seconds: float) -> bool:
            return turns.wait_for(lambda: self.is_set, seconds)

    return SimulatedEvent


def conditions(turns: Turns) -> type:
    class SimulatedCondition:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            pass

        def wait_for(self, until: Callable[[], bool], seconds: float | None) -> bool:
            return until() or turns.wait_for(until, seconds)

        def notify_all(self) -> None:
            pass

    return SimulatedCondition


def connections(turns: Turns, chance: random.Random) -> type:
    class SimulatedCursor(answer.WatchedCursor):
        def execute(self, *given: Any, **options: Any) -> None:
            try:
                super().execute(*given, **options)
            except psycopg2.errors.QueryCanceled:
                connection: Any = self.connection
                if not connection.has_timed_out:
                    raise
                connection.has_timed_out = False
                raise lock_timed_out() from None

        def copy_expert(self, *given: Any, **options: Any) -> None:
            """psycopg2 does not COPY with a callback. The table is the connection's own."""
            extensions.set_wait_callback(None)
            try:
                super().copy_expert(*given, **options)
            finally:
                extensions.set_wait_callback(turns.wait_for_server)
            turns.pause()

    class SimulatedConnection(answer.WatchedConnection):
        """A commit's answer may be lost; its transaction is committed then."""

        has_timed_out = False
        loses_answers = False

        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            self.cursor_factory = SimulatedCursor

        def commit(self) -> None:
            super().commit()
            fiber: Fiber | None = turns.current
            if fiber is None or turns.is_quiet:
                return
            calls = [*fiber.notes.pop("recorded_in_group", ()), fiber.notes.pop("recorded", None)]
            if turns.loses_answers and chance.random() < LOST_ANSWERS:
                self.close()
                raise psycopg2.OperationalError("server closed the connection unexpectedly")
            for call in calls:
                if call is not None and call.confirmed_step is None:
                    call.confirmed_step = turns.steps

        def rollback(self) -> None:
            if turns.current is not None:
                turns.current.notes.pop("recorded", None)
                turns.current.notes.pop("recorded_in_group", None)
            super().rollback()

    return SimulatedConnection


LOST_ANSWERS = 0.01
EPOCH = datetime(2026, 12, 1, 6, tzinfo=UTC)
