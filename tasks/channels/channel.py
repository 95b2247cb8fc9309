"""A channel: the people it reaches, and a try of a message with its outcome."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from scheduler.message import Recipient
from scheduler.settings import ChannelName
from tasks.channels.address import Unreachable
from tasks.channels.outcome import Outcome
from tasks.messages.letter import Letter


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a person is reached. `values` fill the placeholders of the channel's URL."""

    address: str
    values: Mapping[str, str]


class Channel(Protocol):
    """Fit for many threads. Connections are kept while `open()`:

    with channel.open():
        for letter, recipient, key, at in batch:
            outcome = channel.send(letter, recipient, key, at)
    """

    @property
    def name(self) -> ChannelName: ...

    def reach(self, recipient: Recipient) -> Destination | Unreachable:
        """Where this channel would reach a person, or why it cannot.

        The channel's name decides what is asked for: e-mail an e-mail address, SMS a number that
        takes one. Beyond that the URL's placeholders must all have a value.
        """

    def address_of(self, recipient: Recipient) -> str | None:
        """The address, or None: `reach` tells why."""

    def permit(self, now: datetime) -> timedelta:
        """How long the channel's rate bids to wait; zero takes one place of it: send now.

        `now` is the real instant, afresh for each message.
        """

    def send(self, letter: Letter, recipient: Recipient, key: UUID, at: datetime) -> Outcome:
        """One try. `key` and `at` are the message's own, the same for every try (promise 3).

        Never raises for what a provider or the network does. Takes at most the connect time-out
        (a third of SEND_TIMEOUT, at most 5 s) and three times SEND_TIMEOUT.
        """

    def open(self) -> AbstractContextManager[Any]:
        """Keep this thread's connection from message to message; it is closed at the end."""

    def close(self) -> None:
        """Let the connections go. The next message begins a new one."""
