"""Channels with OUTBOX=redirect:ADDRESS: every message goes to one address and names its recipient.

An e-mail address is used by the e-mail channel, a phone number by SMS. Messages of other channels
go by the one that the address fits, as Telegram, push and the site's webhook have no address that
is safe for a trial.
"""

import html
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from scheduler.message import Recipient
from scheduler.settings import ChannelName, InvalidSetting
from tasks.channels.address import Unreachable, email_address, mobile_number
from tasks.channels.channel import Channel, Destination
from tasks.channels.outcome import Outcome, Result
from tasks.channels.redaction import masked_address
from tasks.messages.letter import Letter


@dataclass(frozen=True, slots=True)
class RedirectedChannel:
    """A redirected channel. `real` decides who would be reached, `target` sends to the address."""

    real: Channel
    target: Channel
    address: str

    @property
    def name(self) -> ChannelName:
        return self.real.name

    def reach(self, recipient: Recipient) -> Destination | Unreachable:
        return self.real.reach(recipient)

    def address_of(self, recipient: Recipient) -> str | None:
        return self.real.address_of(recipient)

    def permit(self, now: datetime) -> timedelta:
        return self.target.permit(now)

    def send(self, letter: Letter, recipient: Recipient, key: UUID, at: datetime) -> Outcome:
        destination = self.reach(recipient)
        if isinstance(destination, Unreachable):
            return Outcome(Result.FAILED, destination.reason, final=True)
        told = with_first_line(letter, first_line(self.name, recipient, destination))
        elsewhere = replace(recipient, email=self.address, phone=self.address)
        return self.target.send(told, elsewhere, key, at)

    def open(self) -> AbstractContextManager[Any]:
        return self.target.open()

    def close(self) -> None:
        self.target.close()


def redirected(
    channels: Mapping[ChannelName, Channel], address: str, region: str
) -> Mapping[ChannelName, Channel]:
    """The channels, all of them sending to `address`. Raises InvalidSetting where none can."""
    fitting = fitting_channel(address, region)
    if channels and fitting not in channels:
        raise InvalidSetting(f"OUTBOX: to redirect there, set CHANNEL_{fitting.upper()} as well.")
    return {
        name: RedirectedChannel(channel, channels[fitting], address)
        for name, channel in channels.items()
    }


def fitting_channel(address: str, region: str) -> ChannelName:
    """The channel for an address of OUTBOX. Raises InvalidSetting where it is none.

    `region`: that of phone numbers without a country code.
    """
    if not isinstance(email_address(address), Unreachable):
        return ChannelName.EMAIL
    if not isinstance(mobile_number(address, region), Unreachable):
        return ChannelName.SMS
    raise InvalidSetting(
        "OUTBOX: redirect: is neither to an e-mail address nor to a mobile number:"
        " write redirect:name@example.com or redirect:+251911223344."
    )


def first_line(name: ChannelName, recipient: Recipient, destination: Destination) -> str:
    return f"[{recipient.role} {masked_address(destination.address)}, by {name}]"


BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def with_first_line(letter: Letter, line: str) -> Letter:
    """The letter with the line above its text, and at the top of the visible HTML."""
    if letter.html is None:
        return replace(letter, text=f"{line}\n{letter.text}")
    body = BODY.search(letter.html)
    top = body.end() if body else 0
    shown = f"{letter.html[:top]}<p>{html.escape(line)}</p>{letter.html[top:]}"
    return replace(letter, text=f"{line}\n{letter.text}", html=shown)
