"""Where messages really go: to people, to the log, or all to one address (OUTBOX)."""

from dataclasses import dataclass, replace

from scheduler.message import Recipient
from scheduler.settings import ChannelName, Settings


@dataclass(frozen=True, slots=True)
class Live:
    """To people."""


@dataclass(frozen=True, slots=True)
class ToLog:
    """Nothing leaves; messages end as sent on channel `log`."""


@dataclass(frozen=True, slots=True)
class Redirected:
    """All to one address: an e-mail address, or else a phone number."""

    address: str

    @property
    def channel(self) -> ChannelName:
        return ChannelName.EMAIL if "@" in self.address else ChannelName.SMS

    def stand_in(self, recipient: Recipient) -> Recipient:
        """The person as far as words go, with the one address in place of theirs."""
        email = self.address if self.channel is ChannelName.EMAIL else None
        phone = None if email else self.address
        return replace(recipient, email=email, phone=phone, addresses={})


Outbox = Live | ToLog | Redirected


def outbox_of(settings: Settings) -> Outbox:
    if settings.outbox == "log":
        return ToLog()
    mode, _, address = settings.outbox.partition(":")
    return Redirected(address) if mode == "redirect" else Live()
