"""Events of one ledger row, from its tries and moves, in order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from scheduler.ledger.story.event import Event, What
from scheduler.ledger.story.ledger_rows import Moved, Row, Said, Try
from scheduler.message import Kind
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, Pause
from scheduler.reminders.moves.state import State
from scheduler.words import duration, label, local, reason

LATE = timedelta(minutes=1)
CHANNEL_WORDS = {
    "email": "e-mail",
    "sms": "SMS",
    "telegram": "Telegram",
    "log": "the log",
    "inbox": "the inbox",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Context of a row's story. `new_start`: the session's present start, None if deleted."""

    now: datetime
    zone: ZoneInfo
    pauses: Sequence[Pause]
    new_start: datetime | None

    def at(self, instant: datetime) -> str:
        return local(instant, self.zone)


def tell(
    row: Row,
    tries: Sequence[Try],
    moves: Sequence[Moved],
    said: Sequence[Said],
    scene: Scene,
) -> list[Event]:
    """Events from planning to the present state; each detail begins with the message's label."""
    events = [
        planned(row, tries, scene),
        *held_by_quiet(row, moves, scene),
        *in_order(
            told_tries(row, tries, scene), told_moves(row, moves, scene), told_receipts(said)
        ),
        *standing(row, tries, moves, scene),
        *inboxed(row),
        *acknowledged(row),
    ]
    about = label(row.kind, row.lead_minutes, row.revision)
    return [Event(event.at, event.what, f"{about}: {event.detail}") for event in events]


def in_order(*kinds: Iterable[Event]) -> list[Event]:
    return sorted(chain.from_iterable(kinds), key=lambda event: event.at)


def planned(row: Row, tries: Sequence[Try], scene: Scene) -> Event:
    """The event of planning. Its time is at most that of the first try, as a pass `--as-of` an
    earlier instant may have tried the row before its `planned_at`."""
    at = min([row.planned_at, *(each.begun_at for each in tries)])
    words = f"due {scene.at(row.due_at)}, for the start {scene.at(row.starts_at)}"
    if row.kind == Kind.AGENDA:
        words = f"due {scene.at(row.due_at)}, for all sessions of the day"
    if row.kind == Kind.FOLLOW_UP:
        words = f"due {scene.at(row.due_at)}, as the session was still scheduled after its end"
    if row.change:
        words = change_words(row, scene)
    if at - row.due_at > LATE and not row.change:
        words += f"; {duration(at - row.due_at)} late"
    return Event(at, What.PLANNED, f"{words} (delivery {row.id})")


def change_words(row: Row, scene: Scene) -> str:
    change = row.change or {}
    old = scene.at(datetime.fromisoformat(change["old_starts_at"]))
    if change["kind"] == "cancelled" and "because" in change:
        return f"the session of {old} was given to others after this person was told of it"
    if change["kind"] == "cancelled" and "absence" in change:
        return f"the session of {old} is cancelled for absence {change['absence']}"
    if change["kind"] == "cancelled":
        return f"the session of {old} was cancelled after this person was told of it"
    if change["kind"] == "restored":
        return f"on again at {scene.at(row.starts_at)}, after a cancellation was told"
    new = " and ".join(role for role in ("tutor", "student") if f"old_{role}_id" in change)
    if change["kind"] == "reassigned":
        return f"another {new} at {old}, after this person was told"
    also = f", with another {new}," if new else ""
    return f"moved from {old} to {scene.at(row.starts_at)}{also} after this person was told"


def held_by_quiet(row: Row, moves: Sequence[Moved], scene: Scene) -> Iterator[Event]:
    """The wait for quiet hours, by the present preferences, as the ledger has only its end."""
    postponed = any(moved.reason == "quiet_hours" for moved in moves)
    until = row.quiet_until
    if row.kind != Kind.REMINDER or until is None or postponed:
        return
    if row.send_after < row.due_at:
        words = f"the quiet hours would last past the start: sent early, {scene.at(row.send_after)}"
        yield Event(min(row.send_after, row.due_at), What.WAITS, words)
    elif row.send_after >= until:
        words = f"held by quiet hours until {scene.at(until)}"
        yield Event(row.due_at, What.WAITS, words)


def told_tries(row: Row, tries: Sequence[Try], scene: Scene) -> Iterator[Event]:
    for place, each in enumerate(tries):
        first, last = tries[0], place == len(tries) - 1
        address = SOURCES.get(row.source or "", "") if last else ""
        yield Event(each.begun_at, What.TRIED, f"by {by(each.channel)}{address}")
        if each.outcome is not None or not (last and row.state == State.SENDING):
            yield outcome(row, each, first, scene)


# Origin of the address of the last try.
SOURCES = {
    "user": ", to the address in users",
    "enrolment": ", to the address in the enrolment (tutor_students)",
    "telegram": ", to the chat that they linked",
    "preference": ", to the address in session_worker.preference",
}


def outcome(row: Row, one: Try, first: Try, scene: Scene) -> Event:
    at = one.ended_at or one.begun_at
    words = one.words or ""
    if one.outcome == "sent":
        return Event(at, What.SENT, sent_words(row, one, first))
    if one.outcome == "failed":
        what = What.REFUSED if one.final else What.FAILED
        return Event(at, what, f"by {by(one.channel)}: {words}")
    if one.outcome is None:
        words = "the worker ended before the provider's answer was recorded"
    return Event(at, What.NO_ANSWER, f"by {by(one.channel)}: {words}; it may have arrived")


def sent_words(row: Row, one: Try, first: Try) -> str:
    words = f"by {by(one.channel)}"
    receipt = one.receipt or (row.receipt if row.channel in (None, one.channel) else None)
    if receipt is not None:
        words += f", {receipt} according to the provider"
    if one is not first and one.ended_at:
        words += f", {duration(one.ended_at - first.begun_at)} after the first try"
    if row.together:
        sessions = ", ".join(str(each) for each in row.together)
        words += f", in one message with session {sessions}"
    if one.channel == "log":
        return f"{words}: OUTBOX=log, nothing left"
    return f"{words}: {one.words}" if one.words else words


def by(channel: str) -> str:
    return CHANNEL_WORDS.get(channel, channel)


MEANINGS = {
    None: "no word that is known, so it changes nothing",
    "on_its_way": "on its way",
    "delivered": "it arrived",
    "undelivered": "it did not arrive",
    "gone": "it did not arrive, and the address is dead",
    "opted_out": "it did not arrive, and the person wants nothing at this address",
}


def told_receipts(said: Sequence[Said]) -> Iterator[Event]:
    for one in said:
        words = f"by {by(one.channel)}: {one.status}: {MEANINGS[one.meaning]}"
        yield Event(one.received_at, What.RECEIPT, words)


def told_moves(row: Row, moves: Sequence[Moved], scene: Scene) -> Iterator[Event]:
    for moved in moves:
        yield Event(moved.moved_at, *move_words(row, moved.state, moved.reason, scene))


BY_ADMIN = {
    "released_by_admin": (What.RELEASED, "an admin released it"),
    "retried_by_admin": (What.RETRIED, "an admin has it sent again"),
    "dropped_by_admin": (What.DROPPED, "an admin dropped it"),
}


WAITED = {
    "person_rate": "as the person has had as many messages as PERSON_RATE allows",
    "paused": "for the end of its channel's pause",
    "channel_down": "for its channel, whose provider is away",
}


def move_words(row: Row, state: str, code: str | None, scene: Scene) -> tuple[What, str]:
    if code in BY_ADMIN:
        return BY_ADMIN[code]
    if code == "settled_by_admin":
        said = "it was sent" if state == State.SENT else "it was not sent"
        return What.SETTLED, f"an admin says that {said}"
    if code == "quiet_hours":
        return What.WAITS, f"held by quiet hours until {scene.at(row.send_after)}"
    if code in WAITED:
        return What.WAITS, WAITED[code]
    if state == State.PLANNED:
        return What.PLANNED, "true again" if code is None else f"again: {reason(code)}"
    if state == State.HELD:
        return What.HELD, held_words(row, code)
    words = reason(code)
    if code == "moved" and scene.new_start not in (None, row.starts_at):
        words += f" to {scene.at(scene.new_start)}"
    return What(state), words


def held_words(row: Row, code: str | None) -> str:
    if code == "no_answer":
        ask = f"`celery -A tasks deliveries settle {row.id} --sent|--not-sent` says how it was"
        return f"it is not repeated on this channel, as it may have arrived: {ask}"
    why = f"{reason(row.cause or code)} ({row.held_detail})" if row.held_detail else reason(code)
    return f"with batch {row.batch}: {why}"


def standing(
    row: Row, tries: Sequence[Try], moves: Sequence[Moved], scene: Scene
) -> Iterator[Event]:
    """The event of the row's present state."""
    match State(row.state):
        case State.PLANNED:
            yield waiting(row, scene)
        case State.CLAIMED:
            until = scene.at(row.lease_until or scene.now)
            yield Event(scene.now, What.CLAIMED, f"a worker holds it until {until}")
        case State.FAILED | State.UNKNOWN:
            yield from what_next(row, tries, scene)
        case State.HELD if row.reason == "no_answer":
            at = max((each.ended_at or each.begun_at for each in tries), default=row.planned_at)
            yield Event(at, What.HELD, held_words(row, row.reason))
        case State.OBSOLETE | State.EXPIRED | State.UNREACHABLE | State.HELD:
            if not moves or moves[-1].state != row.state:  # it was created in this state
                yield Event(row.planned_at, *move_words(row, row.state, row.reason, scene))
        case State.SENDING | State.SENT:
            return


def waiting(row: Row, scene: Scene) -> Event:
    pause = pause_of(row, scene)
    if row.send_after > scene.now and row.reason == "rate":
        at = scene.at(row.send_after)
        return Event(row.send_after, What.WAITS, f"for its place in the channel's rate, until {at}")
    if pause is not None and row.due_at <= scene.now:
        what = "every channel is" if pause.channel == EVERY_CHANNEL else f"{by(pause.channel)} is"
        why = f": {pause.reason}" if pause.reason else ""
        return Event(scene.now, What.WAITS, f"{what} paused since {scene.at(pause.paused_at)}{why}")
    if row.send_after > scene.now:
        return Event(row.send_after, What.DUE, f"goes {scene.at(row.send_after)}")
    return Event(scene.now, What.OVERDUE, "due, and no worker has taken it yet")


def pause_of(row: Row, scene: Scene) -> Pause | None:
    """The pause for which this row waits: that of all channels, or one of a single channel."""
    every = next((each for each in scene.pauses if each.channel == EVERY_CHANNEL), None)
    if every is not None or row.reason != "paused":
        return every
    return next(iter(scene.pauses), None)


def what_next(row: Row, tries: Sequence[Try], scene: Scene) -> Iterator[Event]:
    if row.retry_at is not None:
        yield Event(row.retry_at, What.DUE, f"tried again {scene.at(row.retry_at)}")
    elif row.state == State.FAILED and tries and row.reason != "settled_by_admin":
        at = max(each.ended_at or each.begun_at for each in tries)
        words = f"for good: `celery -A tasks deliveries retry {row.id}` has it sent again"
        yield Event(at, What.FAILED, words)


def inboxed(row: Row) -> Iterator[Event]:
    """The copy beside another channel; where the inbox is the channel the try says it."""
    if row.placed_at is not None and row.channel != "inbox":
        yield Event(row.placed_at, What.INBOX, "it lies in the site's inbox too")


def acknowledged(row: Row) -> Iterator[Event]:
    if row.acknowledged_at is not None:
        where = ", who read it in the inbox" if row.read_at is not None else ""
        yield Event(row.acknowledged_at, What.ACKNOWLEDGED, f"by the person{where}")
