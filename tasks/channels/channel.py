"""A channel: who can be reached on it, and a try of a message with what became of it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, Self
from uuid import UUID

from scheduler.message import Recipient
from scheduler.settings import ChannelName
from tasks.channels.address import Unreachable, email_address, mobile_number
from tasks.channels.outcome import Outcome, Result
from tasks.channels.rate.limiter import Limiter
from tasks.channels.template import Template, values_of
from tasks.messages.letter import Letter


class Transport(Protocol):
    """How a channel's messages leave: tasks.channels.mail or tasks.channels.web."""

    def send(
        self, letter: Letter, values: Mapping[str, str], key: UUID, at: datetime
    ) -> Outcome: ...

    def close(self) -> None:
        """Let this thread's connections go."""


class Depth(threading.local):
    """How many `open()` this thread is in."""

    value = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a person is reached. `values` fill the placeholders of the channel's URL."""

    address: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Channel:
    """Fit for many threads. Connections are kept while `open()`:

    with channel.open():
        for letter, recipient, key, at in batch:
            outcome = channel.send(letter, recipient, key, at)
    """

    name: ChannelName
    template: Template
    transport: Transport
    limiter: Limiter
    region: str
    depth: Depth = field(default_factory=Depth, repr=False)

    def reach(self, recipient: Recipient) -> Destination | Unreachable:
        """Where this channel would reach a person, or why it cannot.

        The channel's name decides what is asked for: e-mail an e-mail address, SMS a number that
        takes one. Beyond that the URL's placeholders must all have a value.
        """
        own = self._own_address(recipient)
        values = values_of(self.template, recipient, self.region)
        if isinstance(own, Unreachable):
            return own
        if isinstance(values, Unreachable):
            return values
        return Destination(own or " ".join(values.values()) or self.name, values)

    def address_of(self, recipient: Recipient) -> str | None:
        """The address, or None: `reach` tells why."""
        destination = self.reach(recipient)
        return None if isinstance(destination, Unreachable) else destination.address

    def permit(self, now: datetime) -> timedelta:
        """How long the channel's rate bids to wait; zero takes one place of it: send now.

        `now` is the real instant, afresh for each message.
        """
        return self.limiter.permit(now)

    def send(self, letter: Letter, recipient: Recipient, key: UUID, at: datetime) -> Outcome:
        """One try. `key` and `at` are the message's own, the same for every try (promise 3).

        Never raises for what a provider or the network does. Takes at most the connect time-out
        (a third of SEND_TIMEOUT, at most 5 s) and three times SEND_TIMEOUT.
        """
        destination = self.reach(recipient)
        if isinstance(destination, Unreachable):
            return Outcome(Result.FAILED, destination.reason, final=True)
        with self.open():
            return self.transport.send(letter, destination.values, key, at)

    @contextmanager
    def open(self) -> Iterator[Self]:
        """Keep this thread's connection from message to message; it is closed at the end."""
        self.depth.value += 1
        try:
            yield self
        finally:
            self.depth.value -= 1
            if self.depth.value == 0:
                self.close()

    def close(self) -> None:
        """Let the connections go. The next message begins a new one."""
        self.transport.close()

    def _own_address(self, recipient: Recipient) -> str | Unreachable:
        if self.name is ChannelName.EMAIL:
            return email_address(recipient.email)
        if self.name is ChannelName.SMS:
            return mobile_number(recipient.phone, self.region)
        return ""
