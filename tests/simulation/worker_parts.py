"""The worker's modules, with the simulation's clock, threads, broker and chance in them.

Only what a module takes from outside is exchanged: time, threads, the Celery app, the engine of the
process, the words of a message. All else is the worker's own code.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
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
from tests.simulation.fibers import Fiber, Process, Stage, Turns, lock_timed_out
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

    def toggle(self) -> None:
        self.is_away = not self.is_away

    def delay(self, backfill_id: int) -> None:
        self.messages.append(("fill_chunk", (backfill_id,)))


def parts(turns: Turns, broker: Broker, moves: Counter[str], connection: type) -> "ExitStack":
    """Enter it to have the worker run in the simulation. `moves` counts what each move moved;
    `connection`: the class of its connections (`connections`)."""
    chance = turns.chance
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
        "tasks.delivery.inbox_copy": {
            "worded": lambda tools, message, form: letter_of(message)},
        "tasks.delivery.group_commit": {"Condition": conditions(turns)},
        "tasks.delivery.lease": {"Thread": threads(turns)},
        "tasks.delivery.stop": {"time": clock},
        "tasks.delivery.permits": {"datetime": SimpleNamespace(now=lambda _=UTC: turns.now)},
        "tasks.delivery.message": {"uuid4": lambda: uuid(chance)},
        "scheduler.reminders.moves.claims": {"uuid4": lambda: uuid(chance)},
        "scheduler.reminders.moves.move_log": {
            "logger": SimpleNamespace(isEnabledFor=lambda _: True),
            "remember": lambda _, move, ids: moves.update({move: len(ids)}),
        },
        "scheduler.database_clock": {"time": clock},
        "tasks.database.answer": {"watch": nothing},
        "tasks.database": {"SESSION_SETTINGS": {"timezone": "UTC", "lock_timeout": "0"},
                           "WatchedConnection": connection},
    }  # fmt: skip
    for module, names in exchanged.items():
        for name, thing in names.items():
            stack.enter_context(patch(f"{module}.{name}", thing))
    for module in ("tasks.planning", "tasks.delivery", "tasks.delivery.worker_process"):
        for name, thing in of_process.items():
            if has(module, name):
                stack.enter_context(patch(f"{module}.{name}", thing))
    stack.enter_context(witnessed(turns))
    logging.getLogger().addHandler(mistakes := Mistakes(turns))
    stack.callback(logging.getLogger().removeHandler, mistakes)
    extensions.set_wait_callback(turns.wait_for_server)
    stack.callback(extensions.set_wait_callback, None)
    return stack


class Mistakes(logging.Handler):
    """What the worker logs with a traceback was foreseen by nobody."""

    def __init__(self, turns: Turns) -> None:
        super().__init__(logging.ERROR)
        self.turns = turns

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None and self.turns.current:
            self.turns.ended(self.turns.current, record.exc_info[1])


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
    SELECT s.id, (s.session_date + s.start_time) AT TIME ZONE 'Africa/Addis_Ababa', s.status,
           s.notification_enabled, s.alarm_enabled, s.tutor_id, s.student_id, t.user_id, u.user_id
      FROM public.tutor_sessions s
      LEFT JOIN public.tutor_profiles t ON t.id = s.tutor_id
      LEFT JOIN public.student_profiles u ON u.id = s.student_id"""


class Standing(NamedTuple):
    """A session of the site's as it stands."""

    id: int
    start: datetime
    status: str
    reminds: bool
    alarms: bool
    tutor: int
    student: int
    tutor_user: int
    student_user: int

    @property
    def pair(self) -> tuple[int, int]:
        return self.tutor, self.student


def truth(turns: Turns) -> dict[int, Standing]:
    """The site's sessions at this moment."""
    return {row[0]: Standing(*row) for row in turns.ask(TRUTH)}


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


def connections(stage: Stage) -> type:
    """The class of the connections of all runs that follow one another on this stage."""

    class SimulatedCursor(answer.WatchedCursor):
        def execute(self, *given: Any, **options: Any) -> None:
            connection: Any = self.connection
            connection.is_minor = str(given[0]).startswith(MINOR)
            idle = connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE
            connection.is_beginning = idle and not connection.autocommit
            try:
                super().execute(*given, **options)
            except psycopg2.errors.QueryCanceled:
                if not connection.has_timed_out:
                    raise
                connection.has_timed_out = False
                raise lock_timed_out() from None
            finally:
                connection.is_minor = False

        def copy_expert(self, *given: Any, **options: Any) -> None:
            """psycopg2 does not COPY with a callback. The table is the connection's own."""
            extensions.set_wait_callback(None)
            try:
                super().copy_expert(*given, **options)
            finally:
                extensions.set_wait_callback(stage.turns.wait_for_server)
            stage.turns.pause()

    class SimulatedConnection(answer.WatchedConnection):
        """A commit's answer may be lost; its transaction is committed then."""

        has_timed_out = False
        is_minor = is_beginning = False
        loses_answers = False

        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            self.cursor_factory = SimulatedCursor

        @property
        def autocommit(self) -> Any:
            return PLAIN.autocommit.__get__(self)

        @autocommit.setter
        def autocommit(self, wanted: bool) -> None:
            """SQLAlchemy's question whether an old connection still lives; a new one is not
            asked."""
            self.is_minor = True
            try:
                PLAIN.autocommit.__set__(self, wanted)
            finally:
                self.is_minor = False

        def commit(self) -> None:
            super().commit()
            turns = stage.turns
            fiber: Fiber | None = turns.current
            if fiber is None or turns.is_quiet:
                return
            calls = [*fiber.notes.pop("recorded_in_group", ()), fiber.notes.pop("recorded", None)]
            if turns.loses_answers and turns.chance.random() < LOST_ANSWERS:
                self.close()
                raise psycopg2.OperationalError("server closed the connection unexpectedly")
            for call in calls:
                if call is not None and call.confirmed_step is None:
                    call.confirmed_step = turns.steps

        def rollback(self) -> None:
            turns = stage.turns
            if turns.current is not None:
                turns.current.notes.pop("recorded", None)
                turns.current.notes.pop("recorded_in_group", None)
            self.is_minor = True
            try:
                super().rollback()
            finally:
                self.is_minor = False

    return SimulatedConnection


PLAIN: Any = extensions.connection
LOST_ANSWERS = 0.01
# Statements that tell nothing of the ledger.
MINOR = (
    "SELECT 1",
    "SELECT clock_timestamp()",
    "SELECT pg_backend_pid()",
    "SHOW ",
    "PREPARE ",
    "SELECT current_database()",
    "SELECT coalesce( has_function",
    "SELECT system_identifier::text",
)
EPOCH = datetime(2026, 12, 1, 6, tzinfo=UTC)
