"""Limits that a message meets just before it is sent: its person's rate, the same text, and the
month's SMS.

They are checked in the transaction that marks it as being sent, so that workers side by side do not
exceed them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from scheduler.message import Kind, Message
from scheduler.reminders.moves.limits import full_until, said_too_often
from scheduler.reminders.read.claimed import Facts
from scheduler.reminders.sms_budget import month_of, spend
from scheduler.settings import ChannelName, OutboxMode, Settings
from tasks.channels.address import Unreachable
from tasks.channels.channel import Channel
from tasks.delivery.decision import DOWN_CHECK, Hold, Postpone, Send
from tasks.messages.letter import Letter
from tasks.messages.segments import segments


@dataclass(frozen=True, slots=True)
class Spent:
    """Parts of a month's SMS that a message takes."""

    parts: int
    month: date


@dataclass(frozen=True, slots=True)
class Going:
    """A message that is to be sent, with what its limits need."""

    rows: Sequence[Facts]
    message: Message
    letter: Letter
    send: Send
    channel: Channel


def is_limited(going: Going, settings: Settings) -> bool:
    """True where `limit_of` may keep the message back or count it."""
    is_rated = settings.person_rate is not None and going.message.kind is not Kind.ALARM
    return is_rated or going.send.channel == ChannelName.SMS


def limit_of(
    conn: Connection, going: Going, settings: Settings, now: datetime
) -> Postpone | Hold | Spent | None:
    """What keeps the message back; or the parts that it takes of the month's SMS, or None.

    A message for which the month has no room is decided on again: the month is over then.
    """
    if (until := person_limit(conn, going, settings, now)) is not None:
        return Postpone(until, "person_rate")
    if going.send.channel != ChannelName.SMS:
        return None
    if is_repeated(conn, going, settings, now):
        return Hold("one number would get the same text for the fifth time within half an hour")
    if not settings.sms_budget:
        return None
    spent = Spent(segments(going.letter.text), month_of(now, settings.zone))
    if spend(conn, spent.parts, settings.sms_budget, spent.month):
        return spent
    return Postpone(now, "sms_budget")


def person_limit(
    conn: Connection, going: Going, settings: Settings, now: datetime
) -> datetime | None:
    """The end of the wait for PERSON_RATE, or None. An alarm never waits."""
    rate, message = settings.person_rate, going.message
    if rate is None or message.kind is Kind.ALARM:
        return None
    until = full_until(conn, going.rows[0].recipient_key, message.key, rate, now)
    return None if until is None else max(until, now + DOWN_CHECK)


def is_repeated(conn: Connection, going: Going, settings: Settings, now: datetime) -> bool:
    """True where the number got the text too often. An admin who released it has decided; and with
    OUTBOX=redirect all numbers are one."""
    if settings.outbox.mode is OutboxMode.REDIRECT or any(row.by_admin for row in going.rows):
        return False
    found = going.channel.reach(going.send.recipient)
    if isinstance(found, Unreachable):
        return False
    return said_too_often(conn, found.address, going.letter.text, going.message.key, now)
