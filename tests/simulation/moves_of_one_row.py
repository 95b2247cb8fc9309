"""The worker's moves as the walk asks for them: each on many rows, by its name and arguments."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.message import Recipient
from scheduler.reminders.moves import (
    admin,
    claims,
    doubtful_people,
    expired,
    follow_site,
    held_batches,
    sending,
    unanswered,
)
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.reminders.read.claimed import Tried, read_facts
from scheduler.settings import ChannelName, OutboxMode, Settings
from tasks.channels.channel import Destination
from tasks.channels.outcome import About, Outcome, Result
from tasks.delivery.decision import Decision, Send, Ways, decide
from tasks.delivery.record_try import Ended, record
from tasks.delivery.record_unsent import let_go
from tests.simulation.ledger_rows import HOLDERS, LedgerRows, Move, Returned

LEASE = timedelta(minutes=1)
ME = HOLDERS["A"]  # a worker's moves are asked for as those of A

ANSWERS = {
    "yes": Outcome(Result.SENT, "ok"),
    "not now": Outcome(Result.FAILED, "busy", about=About.TRANSPORT),
    "never": Outcome(Result.FAILED, "no such box", final=True, about=About.PERSON),
    "silence": Outcome(Result.UNKNOWN, "no answer", about=About.TRANSPORT),
}
VERSION = text("SELECT id || ' ' || xmin::text FROM tutor_sessions")
ATTEMPTS = text("""
    SELECT id FROM session_worker.attempt WHERE delivery_id = :delivery ORDER BY id""")
NOBODY: Any = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A worker has read the row and decided; `tried` and `attempts` are what it read of them."""

    decision: Decision
    tried: Tried
    attempts: int


@dataclass(frozen=True, slots=True)
class Call:
    """A worker has committed `sending`, and its provider is called. `attempt`: the number."""

    tried: Tried
    attempts: int
    attempt: int


@dataclass
class Moves:
    """`rows` is where they are made. By name: each takes its arguments and yields a Move."""

    rows: LedgerRows
    catalog: SiteCatalog
    settings: Settings

    def named(self, name: str, given: tuple[Any, ...]) -> Move:
        if name in self.of_the_ledger:
            move = self.of_the_ledger[name]
            return lambda conn, now, ids: nothing(move(conn, now))
        made: Move = getattr(self, name)(*given)
        return made

    @property
    def of_the_ledger(self) -> Mapping[str, Callable[[Connection, datetime], object]]:
        """The moves on the whole ledger, in place of one named row."""
        return {**self.of_the_sweep, **self.of_what_is_held, **{
            f"{verb}_{cause}": batch_move(verb, batch)
            for verb in ("release_batch", "drop_batch")
            for cause, batch in self.rows.batches.items()
        }}  # fmt: skip

    @property
    def of_the_sweep(self) -> Mapping[str, Callable[[Connection, datetime], object]]:
        zone, catalog = self.settings.site_timezone, self.catalog
        repeating = unanswered.repeating(self.settings)
        return {
            "lapse": lambda conn, now: claims.lapse(conn),
            "lose": lambda conn, now: unanswered.lose(conn, repeating, now),
            "expire": follow_site.expire,
            "restore_expired": expired.restore_expired,
            "stop_repeating": follow_site.stop_repeating,
            "try_again": follow_site.try_again,
            "withdraw": lambda conn, now: follow_site.withdraw(conn, catalog, now, zone),
            "bring_back": lambda conn, now: follow_site.bring_back(conn, catalog, now, zone),
        }

    @property
    def of_what_is_held(self) -> Mapping[str, Callable[[Connection, datetime], object]]:
        return {
            "hold_all": lambda conn, now: held_batches.hold_all(conn, "wrong_database", "a copy"),
            "forget_unsent": lambda conn, now: doubtful_people.forget_unsent(conn, now),
        }

    # By id

    def retry(self) -> Move:
        return each(lambda conn, now, id_: allowed(conn, lambda: admin.retry(conn, [id_], now)))

    def settle_sent(self) -> Move:
        return each(
            lambda conn, now, id_: allowed(conn, lambda: admin.settle_sent(conn, [id_], now))
        )

    def settle_not_sent(self) -> Move:
        return each(
            lambda conn, now, id_: allowed(conn, lambda: admin.settle_not_sent(conn, [id_], now))
        )

    # A worker's

    def claim(self) -> Move:
        """Of what is due all; returns for each row whether it is among them."""

        def claim(conn: Connection, now: datetime, ids: Sequence[int]) -> Returned:
            batches = claims.claim(conn, now, len(ids), 1, LEASE)
            return dict.fromkeys([id_ for batch in batches for id_ in batch.ids], True)

        return claim

    def renew(self) -> Move:
        return lambda conn, now, ids: nothing(claims.renew(conn, ME, LEASE))

    def release(self) -> Move:
        return lambda conn, now, ids: nothing(claims.release(conn, claims.Batch(ME, tuple(ids))))

    def look(self) -> Move:
        """Returns the decisions: as things are, and while all is paused."""
        channels: Any = {ChannelName.EMAIL: Mailbox()}
        most = self.settings.max_attempts
        ways = (
            Ways(channels, OutboxMode.LIVE, frozenset(), most),
            Ways(channels, OutboxMode.LIVE, frozenset({"*"}), most),
        )

        def look(conn: Connection, now: datetime, ids: Sequence[int]) -> Returned:
            found = read_facts(conn, self.catalog, self.settings, ids, ME, now)
            return {
                facts.id: tuple(dict.fromkeys(
                    Decided(
                        without_person(decide(facts, way, now)),
                        facts.tried.get(ChannelName.EMAIL, Tried()), facts.attempts,
                    )
                    for way in ways
                ))
                for facts in found
            }  # fmt: skip

        return look

    def settle(self, decision: Decision) -> Move:
        return lambda conn, now, ids: nothing(let_go(conn, dict.fromkeys(ids, decision), ME))

    def begin_sending(self, is_stale: bool) -> Move:  # noqa: FBT001
        """`is_stale`: the session has changed since it was read. Returns whether it began."""

        def begin(conn: Connection, now: datetime, id_: int) -> bool:
            version = "0" if is_stale else str(conn.scalar(VERSION))
            claimed = sending.Claimed(id_, version, '{"subject": "Mathematics"}')
            envelope = sending.Envelope("email", None, ME, now)
            try:
                sending.begin_sending(conn, [claimed], ME, envelope, LEASE)
            except sending.CannotBegin:
                return False
            return True

        return each(begin)

    def record(self, call: Call, answer: str) -> Move:
        def note(conn: Connection, now: datetime, id_: int) -> None:
            facts: Any = SimpleNamespace(
                id=id_, attempts=call.attempts, starts_at=self.rows.starts_at,
                too_late_at=self.rows.starts_at, tried={ChannelName.EMAIL: call.tried},
            )  # fmt: skip
            send = Send("email", ChannelName.EMAIL, NOBODY)
            tried = attempted(conn, id_, call)
            record(conn, Ended(tried, [facts], send, ANSWERS[answer]), self.settings, now)

        return each(note)

    def give_up(self, call: Call) -> Move:
        """The process is stopped before its provider has answered (Sender.give_up)."""
        return each(
            lambda conn, now, id_: sending.mark_held(conn, attempted(conn, id_, call), "stopped")
        )


class Mailbox:
    """A channel that reaches everybody."""

    def reach(self, _: Recipient) -> Destination:
        return Destination("tutor@tutoring.example", {})


def each(move: Callable[[Connection, datetime, int], Any]) -> Move:
    """The move of one row, on each in its turn."""
    return lambda conn, now, ids: {id_: move(conn, now, id_) for id_ in ids}


def nothing(_: object) -> None:
    """Drop what a move returned, as the rows show all of it."""


def batch_move(verb: str, batch: int) -> Callable[[Connection, datetime], object]:
    return lambda conn, now: getattr(admin, verb)(conn, batch, now)


def allowed(conn: Connection, move: Callable[[], object]) -> None:
    """Run a move, and ignore its refusal, as that changes nothing."""
    with suppress(LedgerRefusal):
        move()


def attempted(conn: Connection, id_: int, call: Call) -> sending.Try:
    ids = conn.scalars(ATTEMPTS, {"delivery": id_}).all()
    return sending.Try(ME, {id_: ids[call.attempt]})


def without_person(decision: Decision) -> Decision:
    """The decision without its recipient: the same for rows that differ only in their people."""
    return replace(decision, recipient=NOBODY) if isinstance(decision, Send) else decision
