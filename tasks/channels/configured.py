"""The channels that the settings configure, checked when they are made."""

from collections.abc import Mapping
from datetime import timedelta

from apprise.plugins.email import NotifyEmail
from sqlalchemy import Engine

from scheduler.settings import ChannelName, ChannelSettings, OutboxMode, Settings
from tasks.channels.channel import Channel
from tasks.channels.direct import DirectChannel, Transport
from tasks.channels.mail.services import refuse_other_recipients, sender_address
from tasks.channels.mail.smtp_transport import MailTransport
from tasks.channels.plugins import load_everything, sample_plugin
from tasks.channels.rate.limiter_of_url import limiter_of
from tasks.channels.redirected import redirected
from tasks.channels.template import Template, read_template
from tasks.channels.web.services.own_word import OwnWord, own_word
from tasks.channels.web.transport import WebTransport
from tasks.channels.web.unfit import refuse_unfit
from tasks.database import engine

LONGEST_CONNECT = timedelta(seconds=5)


def channels_of(settings: Settings) -> Mapping[ChannelName, Channel]:
    """The channels that have a URL, in the order in which they are tried.

    With OUTBOX=redirect:ADDRESS they all send to that address. With OUTBOX=log the caller uses none
    of them. Raises InvalidSetting: one line that shows nothing of a URL but its scheme.
    """
    load_everything()
    database = engine(settings) if settings.database_url.strip() else None
    channels: dict[ChannelName, Channel] = {
        name: channel_of(each, settings, database) for name, each in settings.channels.items()
    }
    if settings.outbox.mode is OutboxMode.REDIRECT:
        return redirected(channels, settings.outbox.address, settings.phone_region)
    return channels


def channel_of(
    channel: ChannelSettings, settings: Settings, database: Engine | None
) -> DirectChannel:
    """Make one channel. `database`: for its shared rate limit. Raises InvalidSetting."""
    template = read_template(channel)
    return DirectChannel(
        name=channel.name,
        template=template,
        transport=transport_of(template, own_word(channel), settings),
        limiter=limiter_of(channel, settings, database),
        region=settings.phone_region,
    )


def transport_of(template: Template, word: OwnWord | None, settings: Settings) -> Transport:
    """The transport for the URL's scheme. `word`: a gateway's acceptance (CHANNEL_X_ACCEPTED)."""
    plugin = sample_plugin(template)
    answer = settings.send_timeout
    connect = min(answer / 3, LONGEST_CONNECT)
    if isinstance(plugin, NotifyEmail):
        return MailTransport(template, plugin, connect, answer, settings.mails_per_connection)
    refuse_unfit(template, plugin)
    refuse_other_recipients(template, plugin)
    return WebTransport(template, plugin, word, connect, answer)


def organizer_of(settings: Settings) -> str:
    """The sender's address of mails, for calendar files; '' where it is unknown."""
    email = settings.channels.get(ChannelName.EMAIL)
    return "" if email is None else sender_address(sample_plugin(read_template(email)))
