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
    """A person's address on a channel. `values` fill the placeholders of the channel's URL."""

    address: str
    values: Mapping[str, str]


def own_address(name: ChannelName, recipient: Recipient, destination: Destination) -> str | None:
    """The address that is this person's alone; None on a channel that needs none, such as a webhook
    of the site's."""
    if name in (ChannelName.EMAIL, ChannelName.SMS):
        return destination.address
    return recipient.addresses.get(name, "").strip() or None


class Channel(Protocol):
    """A way to people; safe to use from many threads. Connections are kept while `open()`:

    with channel.open():
        for letter, recipient, key, at in batch:
            outcome = channel.send(letter, recipient, key, at)
    """

    @property
    def name(self) -> ChannelName: ...

    def reach(self, recipient: Recipient) -> Destination | Unreachable:
        """A person's address on this channel, or the reason why there is none.

        The e-mail channel needs an e-mail address, SMS a number that accepts SMS. All placeholders
        of the URL must have a value.
        """

    def address_of(self, recipient: Recipient) -> str | None:
        """The address, or None; `reach` has the reason."""

    def permit(self, now: datetime) -> timedelta:
        """Take a permit of the channel's rate. Zero: send now; otherwise the time to wait.

        `now` is the real instant, read for each message.
        """

    def send(self, letter: Letter, recipient: Recipient, key: UUID, at: datetime) -> Outcome:
        """Try to send once. `key` and `at` are the message's, the same for every try (promise 3).

        Raises nothing for errors of a provider or the network: they are outcomes. Takes at most
        the connect time-out (a third of SEND_TIMEOUT, at most 5 s) plus three times SEND_TIMEOUT.
        """

    def open(self) -> AbstractContextManager[Any]:
        """Keep this thread's connection between messages; it is closed at the end."""

    def close(self) -> None:
        """Close this thread's connections. The next message opens a new one."""
