"""All that can happen to one delivery: two workers, the sweep, an admin and a provider over a row.

Breadth first over every order of steps, each of which is a transaction, or something that happens
outside. The effect of a step on the row comes from the worker's own functions on a real database
(moves_of_one_row); defined here are only the steps, and the conditions that must hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from scheduler.reminders.moves.unanswered import repeating
from scheduler.settings import ChannelName
from tasks.delivery.decision import Send
from tests.simulation.ledger_rows import GONE, Around, Row
from tests.simulation.moves_of_one_row import Call, Decided, Moves


@dataclass(frozen=True, slots=True)
class Claimed:
    """A worker has the row's id, and has not looked at it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker is about to do as it decided. `is_stale`: the session has changed since."""

    decided: Decided
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A worker knows the outcome of its call, and has not recorded it."""

    call: Call
    answer: str


Worker = Claimed | Ready | Call | Answered | None


@dataclass(frozen=True, slots=True)
class World:
    """`accepted`: how often the provider has taken the message. `retries`: an admin's.
    `was_unknown`: a try was recorded as unanswered."""

    row: Row | None = field(default_factory=Row)
    workers: tuple[Worker, Worker] = (None, None)
    accepted: int = 0
    retries: int = 0
    was_unknown: bool = False
    around: Around = field(default_factory=lambda: Around(has_begun=False, is_true=True))


@dataclass(frozen=True, slots=True)
class Step:
    """`is_admins`: it comes only if an admin wants it, or the site."""

    name: str
    world: World
    is_admins: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """The effect of a move on a row, as a question to the database."""

    move: str
    row: Row
    around: Around
    given: tuple[Any, ...] = ()


class Wrong(AssertionError):
    """A promise is broken; the words name it, and the steps that lead there."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is walked through: tries of the message, an admin's wishes for one more, what the
    provider answers, an admin's other steps, and the site's."""

    tries: int
    answers: tuple[str, ...]
    retries: int = 0
    has_admin: bool = False
    has_site: bool = False


# The provider's answers that matter most, and one that is soon tried again.
SILENT = ("yes", "silence")
SCOPES = {
    "repeated": ("repeat", Scope(3, (*SILENT, "not now"))),
    "administered": ("hold", Scope(2, (*SILENT, "never"), retries=1, has_admin=True)),
    "changed": ("repeat", Scope(2, SILENT, has_site=True)),
}

Answers = dict[Question, tuple[Row | None, Any]]
Before = dict[World, tuple[World, str] | None]
Edge = tuple[str, str]


@dataclass
class Walk:
    """`known`: effects of moves on rows, as far as they were computed."""

    moves: Moves
    scope: Scope
    known: Answers = field(default_factory=dict)
    wanted: set[Question] = field(default_factory=set)
    missing: int = 0

    def explore(self) -> Before:
        """Every world that can be reached → the one before it, and the step that led there.

        Raises Wrong at the first that breaks a promise, and where one has no way on.
        """
        level = [World()]
        before: Before = dict.fromkeys(level)
        onward: dict[World, list[World]] = {}
        while level:
            steps = {world: self.known_steps(world) for world in level}
            self.answer()  # what is not known yet, for all of them at once
            level = self.next_level(steps, before, onward)
        for world in without_way_on(onward):
            raise Wrong("no way on, and no end with a reason:\n" + story(world, before))
        return before

    def known_steps(self, world: World) -> list[Step] | None:
        """None where a question has no answer yet."""
        open_before = self.missing
        steps = [*self.steps(world)]
        return steps if self.missing == open_before else None

    def next_level(
        self, steps: Mapping[World, list[Step] | None], before: Before,
        onward: dict[World, list[World]],
    ) -> list[World]:  # fmt: skip
        found = []
        for world, known in steps.items():
            onward[world] = []
            for step in self.steps(world) if known is None else known:
                after = canonical(step.world)
                if not step.is_admins:
                    onward[world].append(after)
                if after not in before:
                    before[after] = (world, step.name)
                    found.append(after)
                    if words := self.broken(world, after):
                        raise Wrong(f"{words}:\n" + story(after, before))
        return found

    @property
    def edges(self) -> set[Edge]:
        """The changes of state that were seen, and that of a row which is deleted to `[*]`."""
        pairs = ((one.row.state, after.state if after else "[*]")
                 for one, (after, _) in self.known.items())  # fmt: skip
        return {(before, after) for before, after in pairs if before != after}

    def broken(self, before: World, world: World) -> str | None:
        """A promise that does not hold in this world, if there is one."""
        may_repeat = world.was_unknown and ChannelName.EMAIL in repeating(self.moves.settings)
        if world.accepted > 1 + may_repeat + world.retries:
            return f"sent {world.accepted} times"
        if state_of(before) == "sent" != state_of(world):
            return "what was sent is not at its end"
        if is_begun(before.row, world.row):
            if any(each.outcome == "sent" and each.counts for each in before.row.attempts):
                return "sent again when the provider's yes was known"
            if not world.around.is_true:
                return "sent though the session was cancelled"
        return None

    # Effects of the worker's moves

    def ask(
        self, move: str, world: World, row: Row, *given: Any
    ) -> tuple[Row | None, Any]:  # fmt: skip
        """The row after the move and what it returned; the row as it is while nobody has asked."""
        question = Question(move, row, world.around, given)
        if question not in self.known:
            self.wanted.add(question)
            self.missing += 1
            return row, None
        return self.known[question]

    def answer(self) -> None:
        groups: dict[tuple[Any, ...], list[Question]] = {}
        for one in self.wanted:
            groups.setdefault((one.move, one.around, one.given), []).append(one)
        for (name, around, given), questions in groups.items():
            rows = [one.row for one in questions]
            answers = self.moves.rows.moved(rows, self.moves.named(name, given), around)
            for question, (after, returned) in zip(questions, answers, strict=True):
                self.known[question] = after, returned
        self.wanted.clear()

    # Steps

    def steps(self, world: World) -> Iterator[Step]:
        if (row := world.row) is None:  # deleted
            return
        yield from self.of_time(world, row)
        yield from self.of_sweep(world, row)
        if self.scope.has_site:
            yield from self.of_site(world)
        if self.scope.has_admin:
            yield from self.of_admin(world, row)
        for number, worker in enumerate(world.workers):
            yield from self.of_worker(Place(world, number), row, worker)

    def of_time(self, world: World, row: Row) -> Iterator[Step]:
        if row.lease == "lives":
            yield Step("the lease runs out", replace(world, row=replace(row, lease="over")))
        if row.retry == "later":
            yield Step("the retry falls due", replace(world, row=replace(row, retry="due")))
        if row.wait == "later":
            yield Step("the wait is over", replace(world, row=replace(row, wait="due")))
        if not world.around.has_begun:
            due = replace(row, wait="due", retry=row.retry and "due")
            around = replace(world.around, has_begun=True)
            yield Step("the session begins", replace(world, row=due, around=around))

    def of_site(self, world: World) -> Iterator[Step]:
        workers = (read_before(world.workers[0]), read_before(world.workers[1]))
        around = replace(world.around, is_true=not world.around.is_true)
        name = "the session is scheduled" if around.is_true else "the session is cancelled"
        after = replace(world, around=around, workers=workers)
        yield Step(name, after, is_admins=True)

    def of_sweep(self, world: World, row: Row) -> Iterator[Step]:
        for name in self.moves.of_the_sweep:
            yield from self.moved(name, world, row)

    def of_admin(self, world: World, row: Row) -> Iterator[Step]:
        names = [*self.moves.of_what_is_held, "settle_sent", "settle_not_sent"]
        if row.batch:
            names += [f"release_batch_{row.batch}", f"drop_batch_{row.batch}"]
        for name in names:
            yield from self.moved(name, world, row, is_admins=True)
        if world.retries < self.scope.retries:
            again = replace(world, retries=world.retries + 1)
            yield from self.moved("retry", again, row, is_admins=True)

    def moved(
        self, name: str, world: World, row: Row, *, is_admins: bool = False
    ) -> Iterator[Step]:
        after, _ = self.ask(name, world, row)
        if after != row:
            yield Step(name, replace(world, row=after), is_admins)

    # A worker

    def of_worker(self, at: "Place", row: Row, worker: Worker) -> Iterator[Step]:
        if worker is None:
            if row.holder != at.name:
                yield from self.claim(at, row)
            return
        yield at.step("dies", gone(row, at), None)
        for move in ("renew", "release"):  # by another thread, whatever this one is at
            after, _ = self.ask_as(at, move, row)
            if after != row:
                yield at.step(f"{move}s", after, worker)
        match worker:
            case Claimed():
                yield from self.look(at, row)
            case Ready(Decided(Send()) as decided):
                yield from self.begin(at, row, decided, worker)
            case Ready(decided):
                after, _ = self.ask_as(at, "settle", row, decided.decision)
                yield at.step(move_of(decided), after, None)
            case Call():
                yield from self.call(at, row, worker)
            case Answered(call, answer):
                after, _ = self.ask_as(at, "record", row, call, answer)
                yield at.step(f"records {answer}", after, None)

    def ask_as(self, at: "Place", move: str, row: Row, *given: Any) -> tuple[Row | None, Any]:
        """As `ask`; the worker at this place is A for it, and a new claim its own."""
        after, returned = self.ask(move, at.world, named_anew(row, at), *given)
        return named_anew(after, at) if after is not None else GONE, returned

    def claim(self, at: "Place", row: Row) -> Iterator[Step]:
        after, claimed = self.ask_as(at, "claim", row)
        if claimed:
            yield at.step("claims", after, Claimed())

    def look(self, at: "Place", row: Row) -> Iterator[Step]:
        _, found = self.ask_as(at, "look", row)
        if found is None:
            yield at.step("finds nothing to send", row, None)
        for decided in found[: 2 if self.scope.has_admin else 1] if found else ():
            yield at.step("looks", row, Ready(decided))

    def begin(self, at: "Place", row: Row, decided: Decided, worker: Ready) -> Iterator[Step]:
        if len(row.attempts) >= self.scope.tries:
            return
        after, begun = self.ask_as(at, "begin_sending", row, worker.is_stale)
        if begun:
            call = Call(decided.tried, decided.attempts, len(row.attempts))
            yield at.step("begins to send", after, call)
        else:
            yield at.step("cannot begin", after, Claimed())

    def call(self, at: "Place", row: Row, call: Call) -> Iterator[Step]:
        for answer, taken in self.answers():
            how = "gets the message" if taken else "does not get it"
            step = at.step(f"'s provider {how}: {answer}", row, Answered(call, answer))
            accepted = step.world.accepted + taken
            yield replace(step, world=replace(step.world, accepted=accepted))
        after, _ = self.ask_as(at, "give_up", row, call)
        yield at.step("is stopped", gone(after, at) if after else GONE, None)

    def answers(self) -> Iterator[tuple[str, int]]:
        """The provider's possible answers, each with the number of times that it has accepted the
        message."""
        for answer in self.scope.answers:
            if answer in ("yes", "silence"):
                yield answer, 1
            if answer != "yes":
                yield answer, 0


@dataclass(frozen=True, slots=True)
class Place:
    """One of the two workers of a world."""

    world: World
    number: int

    @property
    def name(self) -> str:
        return "AB"[self.number]

    def step(self, what: str, row: Row | None, worker: Worker) -> Step:
        workers = list(self.world.workers)
        workers[self.number] = worker
        after = replace(self.world, row=row, workers=(workers[0], workers[1]))
        return Step(f"{self.name} {what}", after)


def read_before(worker: Worker) -> Worker:
    """The worker, where the session changes now."""
    if isinstance(worker, Ready) and isinstance(worker.decided.decision, Send):
        return replace(worker, is_stale=True)
    return worker


def gone(row: Row, at: Place) -> Row:
    return replace(row, holder="gone") if row.holder == at.name else row


def named_anew(row: Row, at: Place) -> Row:
    """Its workers' names exchanged, for B."""
    if at.name == "A" or row.holder not in ("A", "B"):
        return row
    return replace(row, holder="B" if row.holder == "A" else "A")


def move_of(decided: Decided) -> str:
    return {
        "Expire": "lets it expire", "Withdraw": "withdraws it", "GiveUp": "gives it up",
        "Fail": "lets it fail", "Postpone": "postpones it", "StayUndelivered": "leaves it sent",
    }[type(decided.decision).__name__]  # fmt: skip


def canonical(world: World) -> World:
    """Of two worlds that differ only by the workers' names one is looked at: so in a story the two
    may exchange their names."""
    if is_unknown(world.row):
        world = replace(world, was_unknown=True)
    first, second = world.workers
    if order_of(first) <= order_of(second):
        return world
    row = world.row and named_anew(world.row, Place(world, 1))
    return replace(world, row=row, workers=(second, first))


def is_unknown(row: Row | None) -> bool:
    return row is not None and (row.state == "unknown" or row.reason == "no_answer")


def state_of(world: World) -> str:
    return world.row.state if world.row else "deleted"


def is_begun(was: Row | None, now: Row | None) -> TypeGuard[Row]:
    """True if an attempt began in this step."""
    return was is not None and now is not None and len(now.attempts) > len(was.attempts)


def order_of(worker: Worker, known: dict[Worker, str] = {}) -> str:  # noqa: B006 (a memory)
    if worker not in known:
        known[worker] = repr(worker)
    return known[worker]


def is_end(row: Row | None) -> bool:
    """Nothing more comes by itself, and the ledger says why."""
    if row is None or row.state == "sent":
        return True
    ends = row.state in ("expired", "obsolete", "unreachable", "held")
    return (ends or (row.state in ("failed", "unknown") and row.retry is None)) and bool(row.reason)


def without_way_on(onward: Mapping[World, list[World]]) -> list[World]:
    """The worlds from which nothing that comes by itself leads to an end."""
    backward: dict[World, list[World]] = {}
    for world, afters in onward.items():
        for after in afters:
            backward.setdefault(after, []).append(world)
    good = {world for world in onward if is_end(world.row)}
    waiting = [*good]
    while waiting:
        for world in backward.get(waiting.pop(), ()):
            if world not in good:
                good.add(world)
                waiting.append(world)
    return [world for world in onward if world not in good]


def story(world: World, before: Before) -> str:
    lines = []
    here: World | None = world
    while here is not None:
        came = before[here]
        lines.append(f"  {came[1] if came else 'it is planned':45} → {state_of(here)}")
        here = came[0] if came else None
    return "\n".join(reversed(lines))
