"""A channel that sends to the message's own recipient, unlike a redirected one."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from scheduler.message import Recipient
from scheduler.settings import ChannelName
from tasks.channels.address import Unreachable, email_address, mobile_number
from tasks.channels.channel import Destination
from tasks.channels.outcome import Outcome, Result
from tasks.channels.rate.limiter import Limiter
from tasks.channels.template import Template, letter_values, values_of
from tasks.messages.letter import Letter


class Transport(Protocol):
    """Transport of a channel's messages: tasks.channels.mail or tasks.channels.web."""

    def send(
        self, letter: Letter, values: Mapping[str, str], key: UUID, at: datetime
    ) -> Outcome: ...

    def close(self) -> None:
        """Close this thread's connections."""


class Depth(threading.local):
    """Number of nested `open()` of this thread."""

    value = 0


@dataclass(frozen=True, slots=True)
class DirectChannel:
    """A channel with its transport. `region`: that of phone numbers without a country code."""

    name: ChannelName
    template: Template
    transport: Transport
    limiter: Limiter
    region: str
    depth: Depth = field(default_factory=Depth, repr=False)

    def reach(self, recipient: Recipient) -> Destination | Unreachable:
        own = self._own_address(recipient)
        values = values_of(self.template, recipient, self.region)
        if isinstance(own, Unreachable):
            return own
        if isinstance(values, Unreachable):
            return values
        return Destination(own or " ".join(values.values()) or self.name, values)

    def address_of(self, recipient: Recipient) -> str | None:
        destination = self.reach(recipient)
        return None if isinstance(destination, Unreachable) else destination.address

    def permit(self, now: datetime) -> timedelta:
        return self.limiter.permit(now)

    def send(self, letter: Letter, recipient: Recipient, key: UUID, at: datetime) -> Outcome:
        destination = self.reach(recipient)
        if isinstance(destination, Unreachable):
            return Outcome(Result.FAILED, destination.reason, final=True)
        with self.open():
            about_it = letter_values(self.template, letter, key)
            return self.transport.send(letter, {**destination.values, **about_it}, key, at)

    @contextmanager
    def open(self) -> Iterator[None]:
        self.depth.value += 1
        try:
            yield
        finally:
            self.depth.value -= 1
            if self.depth.value == 0:
                self.close()

    def close(self) -> None:
        self.transport.close()

    def _own_address(self, recipient: Recipient) -> str | Unreachable:
        if self.name is ChannelName.EMAIL:
            return email_address(recipient.email)
        if self.name is ChannelName.SMS:
            return mobile_number(recipient.phone, self.region)
        return ""
