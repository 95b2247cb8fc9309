"""What became of a try, into the ledger (promise 3; docs/outcomes.md says what was seen)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scheduler.reminders.moves import sending
from scheduler.reminders.moves.backoff import retry_at
from scheduler.reminders.moves.unanswered import is_repeated
from scheduler.reminders.read.claimed import Facts, Tried
from scheduler.settings import Settings
from tasks.channels.outcome import Outcome, Result
from tasks.delivery.decision import Send
from tasks.delivery.tally import Tally


@dataclass(frozen=True, slots=True)
class Ended:
    """A try whose outcome is not recorded yet."""

    tried: sending.Try
    rows: Sequence[Facts]
    send: Send
    outcome: Outcome


def record(conn: Connection, ended: Ended, settings: Settings, now: datetime) -> Tally:
    """sending → what the outcome says. Returns what moved."""
    match ended.outcome.result:
        case Result.SENT:
            return record_sent(conn, ended, now)
        case Result.FAILED:
            return record_failed(conn, ended, settings, now)
        case Result.UNKNOWN:
            return record_unknown(conn, ended, settings, now)


def record_sent(conn: Connection, ended: Ended, now: datetime) -> Tally:
    outcome = ended.outcome
    moved = sending.mark_sent(conn, ended.tried, outcome.words, now, outcome.provider_id)
    late = len(moved) < len(ended.tried.ids)
    if late:  # the lease had run out, and somebody took the silence for a lost answer
        moved |= sending.mark_sent_late(conn, ended.tried, now)
    return Tally(sent=len(moved))


def record_failed(conn: Connection, ended: Ended, settings: Settings, now: datetime) -> Tally:
    outcome = ended.outcome
    again = next_try(ended, settings, now)
    mark = sending.mark_refused if outcome.final else sending.mark_failed
    return Tally(failed=len(mark(conn, ended.tried, outcome.words, again)))


def next_try(ended: Ended, settings: Settings, now: datetime) -> datetime | None:
    """At once on the next channel where this one is used up, else later; None: no way is left."""
    first = ended.rows[0]
    tries = tried_on(first, ended.send.channel).tries + 1
    if ended.outcome.final or tries >= settings.max_attempts:
        return now if ended.send.others else None
    return retry_at(now, first.attempts + 1, first.id, first.starts_at, ended.outcome.wait)


def record_unknown(conn: Connection, ended: Ended, settings: Settings, now: datetime) -> Tally:
    words = ended.outcome.words
    unanswered = tried_on(ended.rows[0], ended.send.channel).unanswered
    if not is_repeated(ended.send.channel, unanswered, settings):
        return Tally(unknown=len(sending.mark_held(conn, ended.tried, words)))
    first = ended.rows[0]
    again = retry_at(now, first.attempts + 1, first.id, first.starts_at, ended.outcome.wait)
    return Tally(unknown=len(sending.mark_unknown(conn, ended.tried, words, again)))


def tried_on(facts: Facts, channel: str) -> Tried:
    return facts.tried.get(channel, Tried())
