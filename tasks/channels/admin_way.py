"""The way to the admin: ADMIN, an Apprise URL, by the same transports as people's channels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from apprise.plugins.email import NotifyEmail

from scheduler.message import Preferences, Recipient
from scheduler.settings import ChannelName, OutboxMode, Role, Settings
from tasks.channels.configured import LONGEST_CONNECT, channel_of
from tasks.channels.direct import DirectChannel, Transport
from tasks.channels.mail.smtp_transport import MailTransport
from tasks.channels.outcome import Outcome
from tasks.channels.plugins import load_everything, sample_plugin
from tasks.channels.redirected import fitting_channel, with_first_line
from tasks.channels.template import admin_template
from tasks.channels.web.services import GATEWAYS
from tasks.channels.web.transport import WebTransport
from tasks.channels.web.unfit import refuse_socks_without_its_package
from tasks.messages.letter import Letter

NOTHING: Mapping[str, str] = {}


class AdminWay(Protocol):
    """A way to the admin. `repeats`: a message that was never answered may be sent again, as a
    repeat is recognised (mail) or does little harm (webhook)."""

    @property
    def repeats(self) -> bool: ...

    def send(self, letter: Letter, key: UUID, at: datetime) -> Outcome:
        """Try to send once. Errors of a provider or the network are outcomes."""


@dataclass(frozen=True, slots=True)
class DirectWay:
    """To the address in ADMIN."""

    transport: Transport
    repeats: bool

    def send(self, letter: Letter, key: UUID, at: datetime) -> Outcome:
        try:
            return self.transport.send(letter, NOTHING, key, at)
        finally:
            self.transport.close()


@dataclass(frozen=True, slots=True)
class RedirectedWay:
    """To the address of OUTBOX=redirect, by the channel that it fits."""

    channel: DirectChannel
    recipient: Recipient
    repeats: bool = False

    def send(self, letter: Letter, key: UUID, at: datetime) -> Outcome:
        return self.channel.send(with_first_line(letter, "[ADMIN]"), self.recipient, key, at)


def admin_way(settings: Settings) -> AdminWay | None:
    """The way to the admin, as OUTBOX has it; None where nothing is to leave.

    Raises InvalidSetting: one line that shows nothing of the URL but its scheme.
    """
    load_everything()
    direct = direct_way(settings)
    match settings.outbox.mode:
        case OutboxMode.LOG:
            return None
        case OutboxMode.REDIRECT:
            return redirected_way(settings)
        case OutboxMode.LIVE:
            return direct


def direct_way(settings: Settings) -> DirectWay:
    template = admin_template(settings.admin)
    plugin = sample_plugin(template)
    answer = settings.send_timeout
    connect = min(answer / 3, LONGEST_CONNECT)
    if isinstance(plugin, NotifyEmail):
        return DirectWay(MailTransport(template, plugin, connect, answer, 1), repeats=True)
    refuse_socks_without_its_package(template, plugin)
    is_webhook = str(plugin.schema) in GATEWAYS  # gets the text whole, other services cut to fit
    fit = replace(template, channel=ChannelName.WEBHOOK) if is_webhook else template
    return DirectWay(WebTransport(fit, plugin, None, connect, answer), repeats=is_webhook)


def redirected_way(settings: Settings) -> RedirectedWay | None:
    """None without a channel that the address fits: then nothing can leave."""
    address = settings.outbox.address
    channel = settings.channels.get(fitting_channel(address, settings.phone_region))
    if channel is None:
        return None
    preferences = Preferences(settings.language, settings.zone)
    recipient = Recipient(None, Role.TUTOR, None, address, address, preferences)
    return RedirectedWay(channel_of(channel, settings, None), recipient)
