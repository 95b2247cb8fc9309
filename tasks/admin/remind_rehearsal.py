"""Dry run of a round by hand: messages and recipients, decided in a rolled back transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from scheduler.message import Kind
from scheduler.reminders.changes import Changes
from scheduler.reminders.moves.claims import Waiting, claim
from scheduler.reminders.moves.follow_site import try_again
from scheduler.reminders.read.claimed import Facts
from scheduler.settings import Role
from tasks.admin.remind import RemindReport, clock_of, plan_by_hand, report
from tasks.database.zones import follow_zones
from tasks.delivery.decision import (
    INBOX,
    Decision,
    Expire,
    Fail,
    GiveUp,
    Hold,
    Keep,
    Postpone,
    Send,
    StayUndelivered,
    Withdraw,
    decide,
)
from tasks.delivery.dispatch import MOST_WAITING, lease_of
from tasks.delivery.sender import snapshot_of, ways_of
from tasks.delivery.tally import NOTHING, Tally
from tasks.delivery.tools import Tools


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A due message and its result. `state`: the ledger's after the round, if the provider accepts
    it; one that would wait stays `planned`. `sessions`: all that it names."""

    kind: Kind
    person_id: int | None
    role: Role
    sessions: tuple[int, ...]
    starts_at: datetime
    channel: str | None
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`report`: as the round's own. `held`: rows that the flood guard would hold."""

    report: RemindReport
    held: int
    messages: tuple[Foreseen, ...]


def rehearse(tools: Tools, as_of: datetime | None) -> Rehearsal:
    """Decide what `remind` would do now; nothing is sent, and all writes are rolled back.

    It leaves a gap in the ledger's ids, and other rounds wait for its end. Raises WrongDatabase and
    WhoseIds, as the round does.
    """
    follow_zones(tools.engine, tools.settings)
    with tools.engine.connect() as conn:
        try:
            return rehearse_in(conn, tools, as_of)
        finally:
            conn.rollback()


def rehearse_in(conn: Connection, tools: Tools, as_of: datetime | None) -> Rehearsal:
    now = clock_of(conn, as_of)()
    planned = plan_by_hand(conn, tools, now)
    if not isinstance(planned, Changes):
        raise planned
    try_again(conn, now)
    found = [*all_due(conn, tools, now)]
    tally = sum((counted(message, rows) for message, rows in found), Tally())
    messages = sorted((message for message, _ in found), key=lambda each: each.starts_at)
    return Rehearsal(report(now, planned, tally), len(planned.held), tuple(messages))


def all_due(conn: Connection, tools: Tools, now: datetime) -> Iterator[tuple[Foreseen, int]]:
    """Each due message with the number of its ledger rows. All are claimed, until the rollback."""
    settings = tools.settings
    size, lease = settings.claim_batch, lease_of(settings)
    while batches := claim(conn, now, MOST_WAITING, size, lease, Waiting.ALL):
        for batch in batches:
            snapshot = snapshot_of(conn, tools, batch, now)
            ways = ways_of(tools, snapshot)
            for ids in snapshot.messages:
                rows = [snapshot.facts[id_] for id_ in ids]
                yield from foreseen(rows, {row.id: decide(row, ways, now) for row in rows})


def foreseen(
    rows: Sequence[Facts], decided: Mapping[int, Decision]
) -> Iterator[tuple[Foreseen, int]]:
    """The rows of one message that are decided on alike."""
    for decision in dict.fromkeys(decided.values()):
        alike = [row for row in rows if decided[row.id] == decision]
        first = alike[0]
        lessons = chain.from_iterable(row.lessons for row in alike)
        state, reason, channel = outcome_of(decision)
        message = Foreseen(
            kind=first.kind,
            person_id=first.recipient.person_id,
            role=first.recipient.role,
            sessions=tuple(dict.fromkeys(lesson.session_id for lesson in lessons)),
            starts_at=first.starts_at,
            channel=channel,
            state=state,
            reason=reason,
        )
        yield message, len(alike)


def outcome_of(decision: Decision) -> tuple[str, str | None, str | None]:
    """State, reason and channel."""
    match decision:
        case Send():
            return "sent", None, decision.channel
        case Keep():
            return "sent", None, INBOX
        case Expire():
            return "expired", "begun", None
        case Withdraw(reason):
            return "obsolete", reason, None
        case GiveUp(reason):
            return "unreachable", reason, None
        case Fail(reason):
            return "failed", reason, None
        case StayUndelivered(reason):
            return "sent", reason, None
        case Hold():
            return "held", "same_text", None
        case Postpone(_, reason):
            return "planned", reason, None


# Sent before, and not delivered: the round changes nothing.
STAYS = "no_other_channel"


def counted(message: Foreseen, rows: int) -> Tally:
    state = message.state
    if message.reason == STAYS:
        return NOTHING
    return Tally(**{"postponed" if state in ("planned", "held") else state: rows})
