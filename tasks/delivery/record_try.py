"""Record of a try's outcome in the ledger (promise 3; docs/outcomes.md)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scheduler.reminders.channel_troubles import (
    BUSY_LIMIT,
    LIMIT,
    Trouble,
    note_failure,
    note_success,
)
from scheduler.reminders.dead_addresses import Cause, bury, bury_tired
from scheduler.reminders.moves import sending
from scheduler.reminders.moves.backoff import retry_at
from scheduler.reminders.moves.late_answers import mark_sent_late
from scheduler.reminders.moves.unanswered import is_repeated
from scheduler.reminders.read.claimed import Facts, Tried
from scheduler.reminders.sms_budget import give_back
from scheduler.reminders.telegram_chats import follow_group
from scheduler.settings import ChannelName, Settings
from tasks.channels.mail.status_codes import code_in, is_dead
from tasks.channels.outcome import About, Outcome, Result
from tasks.delivery.decision import Send, has_inbox, is_near
from tasks.delivery.message_limits import Spent
from tasks.delivery.tally import Tally

logger = logging.getLogger(__name__)

LONGEST_CHAT = 18  # digits and sign; a chat's id has at most 52 bits
# Failures that count towards MAX_ATTEMPTS. All others are temporary, and tried until the start.
OF_THE_MESSAGE = {About.PERSON, About.MESSAGE}
# Failures that put a channel down, and after how many in a row: other messages would fail too.
OF_THE_CHANNEL = {About.CHANNEL: LIMIT, About.TRANSPORT: LIMIT, About.BUSY: BUSY_LIMIT}


@dataclass(frozen=True, slots=True)
class Ended:
    """A try whose outcome is not recorded yet. `spent`: what it takes of the month's SMS."""

    tried: sending.Try
    rows: Sequence[Facts]
    send: Send
    outcome: Outcome
    spent: Spent | None = None


def record(conn: Connection, ended: Ended, settings: Settings, now: datetime) -> Tally:
    """Move the rows from `sending` to the state of the outcome. Returns the counts."""
    follow_chat(conn, ended)
    match ended.outcome.result:
        case Result.SENT:
            return record_sent(conn, ended, now)
        case Result.FAILED:
            return record_failed(conn, ended, settings, now)
        case Result.UNKNOWN:
            return record_unknown(conn, ended, settings, now)


def follow_chat(conn: Connection, ended: Ended) -> None:
    """Note the new id of a group, where the outcome tells it."""
    send, new = ended.send, ended.outcome.moved_to
    old = send.recipient.addresses.get(ChannelName.TELEGRAM, "")
    if new and send.outbox is None and is_chat(old) and is_chat(new):
        follow_group(conn, int(old), int(new))


def is_chat(address: str) -> bool:
    """True for a chat's id; it may also be a name (`@school`), which stays."""
    return address.removeprefix("-").isdecimal() and len(address) <= LONGEST_CHAT


def note_health(
    conn: Connection, ended: Ended, known: Mapping[str, Trouble], now: datetime
) -> bool:
    """Record the outcome's effect on the channel's trouble, in a transaction of its own.

    `known`: the troubles as last read. Returns False where they still hold; nothing is written.
    """
    channel, outcome = ended.send.channel, ended.outcome
    if outcome.result is not Result.SENT and outcome.about in OF_THE_CHANNEL:
        with conn.begin():
            closed = note_failure(conn, channel, outcome.words, OF_THE_CHANNEL[outcome.about])
        if closed:
            logger.error(
                "The channel %s is down: %s", channel, outcome.words, extra={"channel": channel}
            )
        return True
    if channel not in known:
        return False
    with conn.begin():
        opened = note_success(conn, channel, now)
    if opened:
        logger.warning("The channel %s is up again", channel, extra={"channel": channel})
    return True


def record_sent(conn: Connection, ended: Ended, now: datetime) -> Tally:
    outcome = ended.outcome
    moved = sending.mark_sent(conn, ended.tried, outcome.words, now, outcome.provider_id)
    late = len(moved) < len(ended.tried.ids)
    if late:  # the lease had lapsed, and a sweep took the answer for lost
        left = [id_ for id_ in ended.tried.ids if id_ not in moved]
        moved |= mark_sent_late(conn, left, now)
    return Tally(sent=len(moved))


def record_failed(conn: Connection, ended: Ended, settings: Settings, now: datetime) -> Tally:
    outcome = ended.outcome
    if ended.spent is not None:
        give_back(conn, ended.spent.parts, ended.spent.month)
    again = next_try(ended, settings, now)
    mark = sending.mark_refused if is_refusal(outcome) else sending.mark_failed
    failure = sending.Failure(outcome.words, outcome.about)
    failed = mark(conn, ended.tried, failure, again)
    if outcome.final and outcome.about is About.PERSON:
        note_refused_address(conn, ended)
    return Tally(failed=len(failed))


def note_refused_address(conn: Connection, ended: Ended) -> None:
    """Remember an address that refused for good. A mail server's words may also mean a full box or
    a policy: without a code that says so, the address is dead after the fifth time in a row."""
    tries, mail = ended.tried.attempts.values(), ended.send.channel == ChannelName.EMAIL
    if mail and not is_dead(code_in(ended.outcome.words)):
        bury_tired(conn, tries)
    else:
        bury(conn, tries, Cause.REFUSED)


def is_refusal(outcome: Outcome) -> bool:
    """True where this message is refused for good. A refused login or sender is the channel's."""
    return outcome.final and outcome.about in OF_THE_MESSAGE


def next_try(ended: Ended, settings: Settings, now: datetime) -> datetime | None:
    """Time of the next try: now, on the next channel, if this one is used up or the start is near;
    later otherwise. None where no channel is left and the person has no inbox."""
    first, outcome = ended.rows[0], ended.outcome
    tried = tried_on(first, ended.send.channel)
    tries = tried.tries + (outcome.about in OF_THE_MESSAGE)
    if is_refusal(outcome) or tries >= settings.max_attempts:
        kept = has_inbox(ended.send.recipient, settings.inbox, settings.outbox.mode)
        return now if ended.send.others or kept else None
    fresher = [name for name in ended.send.others if tried_on(first, name).failures
               <= tried.failures]  # fmt: skip
    if fresher and is_near(first, now):
        return now
    return retry_at(now, tried.failures + 1, first.id, first.starts_at, outcome.wait)


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
