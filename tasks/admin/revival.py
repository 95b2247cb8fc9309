"""Revival of dead addresses: an admin knows that they can be used again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scheduler.ledger.personal_data import refuse_unknown
from scheduler.reminders.dead_addresses import (
    dead_addresses,
    dead_addresses_of,
    revive,
    waiting_for,
)
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.settings import ChannelName, Settings
from tasks.channels.address import Unreachable, email_address, phone_number

PERSON = re.compile(r"(?:(user|student|tutor|parent):)?([1-9][0-9]{0,18})")
CHAT = (ChannelName.TELEGRAM, ChannelName.PUSH)


@dataclass(frozen=True, slots=True)
class Revival:
    """`addresses`: number of those that were dead. `unreachable`: deliveries that they kept from a
    person, and whose session is still to come."""

    addresses: int
    unreachable: Sequence[int]


def revive_given(conn: Connection, settings: Settings, given: str, now: datetime) -> Revival:
    """Revive an address, or all that died by messages to a person.

    `given`: an e-mail address; a phone number that begins with 0 or +; `telegram:CHAT` or
    `push:TOKEN`; or a person as `7`, `student:3`. Raises LedgerRefusal where it is none of these,
    or nobody knows the person.
    """
    hashes = [*hashes_of(conn, settings, given.strip())]
    revived = revive(conn, hashes, now)
    return Revival(len(revived), waiting_for(conn, revived, now) if revived else ())


def hashes_of(conn: Connection, settings: Settings, given: str) -> Iterator[int]:
    if person := PERSON.fullmatch(given):
        key = f"{person[1] or 'user'}:{person[2]}"
        refuse_unknown(conn, key)
        yield from dead_addresses_of(conn, key)
        return
    book = dead_addresses(conn)
    for channel, address in readings(settings, given):
        yield book.hash_of(channel, address)


def readings(settings: Settings, given: str) -> Iterator[tuple[ChannelName, str]]:
    channel, _, address = given.partition(":")
    if channel in CHAT and address.strip():
        yield ChannelName(channel), address
        return
    email = email_address(given)
    number = phone_number(given, settings.phone_region)
    if not isinstance(email, Unreachable):
        yield ChannelName.EMAIL, email
    elif not isinstance(number, Unreachable):
        yield ChannelName.SMS, number
    else:
        raise LedgerRefusal(
            f"{given} is neither an address nor a person: give an e-mail address, a phone number"
            " that begins with 0 or +, telegram:CHAT, push:TOKEN, or a person's id of users."
        )
