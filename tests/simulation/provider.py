"""Providers that accept, refuse, answer late, never, or lie; and their own record of it.

A message is judged by what is in this record; the ledger is not asked.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from scheduler.message import Message, Recipient
from scheduler.settings import ChannelName
from tasks.channels.address import Unreachable
from tasks.channels.channel import Destination
from tasks.channels.outcome import About, Outcome, Result
from tasks.messages.letter import Letter
from tests.simulation.fibers import Fiber, Turns


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a message tells: to whom, about which start, as what, how long before."""

    person: int
    start: datetime
    kind: str
    lead: int


@dataclass(eq=False)
class Call:
    """A message as its provider saw it. `taken`: accepted or may be; `confirmed`: that it was is
    committed in the ledger by who sent it; `is_lost`, `is_arrived`: a receipt says so."""

    told: frozenset[Told]
    sessions: frozenset[int]
    channel: str
    fiber: Fiber
    step: int
    at: datetime
    decided_at: datetime
    read_step: int
    truth: dict[int, Any]
    key: UUID
    provider_id: str
    taken: bool = False
    is_lost: bool = False
    is_arrived: bool = False
    answer: str = ""
    confirmed_step: int | None = None
    has_ended: bool = False
    was_disturbed: bool = False

    @property
    def pairs(self) -> frozenset[tuple[int, int]]:
        """Tutors and students of its sessions, when it was committed as `sending`."""
        return frozenset(self.truth[id_].pair for id_ in self.sessions if id_ in self.truth)


@dataclass
class Record:
    """`judge`: asked before a call is taken; what it raises ends the run."""

    judge: Callable[[Call], None]
    calls: list[Call] = field(default_factory=list)


@dataclass
class Provider:
    """A channel of the worker's (tasks.channels.channel.Channel)."""

    name: ChannelName
    turns: Turns
    chance: random.Random
    record: Record
    is_calm: bool = False

    def reach(self, recipient: Recipient) -> Destination | Unreachable:
        address = self.address_of(recipient)
        return Destination(address, {}) if address else Unreachable("no_address")

    def address_of(self, recipient: Recipient) -> str | None:
        return recipient.email if self.name is ChannelName.EMAIL else recipient.phone

    def permit(self, _: datetime) -> timedelta:
        """Now and then the channel's rate is used up."""
        return timedelta(seconds=0 if self.is_calm or self.chance.random() < 0.95 else 3)

    @contextmanager
    def open(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        pass

    def send(self, letter: Letter, recipient: Recipient, key: UUID, at: datetime) -> Outcome:
        fiber = self.turns.current
        assert fiber is not None
        call = call_of(letter, recipient, self, fiber, key)
        self.record.judge(call)
        self.record.calls.append(call)
        fiber.notes["call"] = call
        answer = "yes" if self.is_calm else self.chance.choices(*ANSWERS)[0]
        call.answer = answer
        if answer in ("late yes", "late silence"):
            self.turns.sleep(self.chance.choice((2, 9, 30, 61, 90)))
        else:
            self.turns.sleep(self.chance.choice((0.05, 0.3)))
        call.taken = answer in ("yes", "late yes", "silence, taken", "late silence")
        self.turns.pause()
        call.has_ended = True
        outcome = OUTCOMES[answer]
        return replace(outcome, provider_id=call.provider_id) if "yes" in answer else outcome


ANSWERS = (
    ["yes", "late yes", "silence", "silence, taken", "late silence", "busy", "down", "never"],
    [38, 16, 8, 10, 6, 8, 4, 10],
)
SILENCE = Outcome(Result.UNKNOWN, "no answer", about=About.TRANSPORT)
OUTCOMES = {
    "yes": Outcome(Result.SENT, "ok"),
    "late yes": Outcome(Result.SENT, "ok at last"),
    "silence": SILENCE,
    "silence, taken": SILENCE,
    "late silence": SILENCE,
    "busy": Outcome(Result.FAILED, "busy", about=About.LATER),
    "down": Outcome(Result.FAILED, "connection refused", about=About.TRANSPORT),
    "never": Outcome(Result.FAILED, "no such box", final=True, about=About.PERSON),
}


def letter_of(message: Message) -> Letter:
    """In place of words: what the message tells. Its text is the same for all of a kind."""
    lead = round(message.lead / timedelta(minutes=1))
    return Letter(str(message.kind), str(message.kind), data={
        "kind": str(message.kind), "lead": lead,
        "lessons": [(one.session_id, one.starts_at) for one in message.lessons],
    })  # fmt: skip


def call_of(
    letter: Letter, recipient: Recipient, provider: Provider, fiber: Fiber, key: UUID
) -> Call:
    told: Any = letter.data
    person = recipient.person_id or 0
    turns = provider.turns
    return Call(
        frozenset(Told(person, start, told["kind"], told["lead"]) for _, start in told["lessons"]),
        frozenset(session for session, _ in told["lessons"]),
        provider.name, fiber, turns.steps, turns.now,
        fiber.notes.get("decided_at", turns.now), fiber.notes.get("read_step", turns.steps),
        fiber.notes.get("truth", {}), key, f"{provider.name}-{len(provider.record.calls)}",
    )  # fmt: skip
