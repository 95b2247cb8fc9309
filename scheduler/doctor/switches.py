"""Checks of pauses, OUTBOX and channels: settings that keep messages from people."""

from collections.abc import Iterator

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error, note, warning
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, pauses
from scheduler.reminders.channel_troubles import troubles
from scheduler.settings import ChannelName, Inbox, OutboxMode
from scheduler.words import local


def check_pauses(patient: Patient) -> Iterator[Finding]:
    """Channels that an admin paused."""
    for pause in pauses(patient.conn):
        every = pause.channel == EVERY_CHANNEL
        what = "every channel is" if every else f"the channel {pause.channel} is"
        why = f": {pause.reason}" if pause.reason else ""
        resume = "celery -A tasks deliveries resume"
        yield warning(
            "paused",
            f"{what} paused since {local(pause.paused_at, patient.settings.zone)}{why}",
            resume if every else f"{resume} --channel {pause.channel}",
        )


def check_troubles(patient: Patient) -> Iterator[Finding]:
    """Channels that are down. The workers probe them and resume by themselves."""
    for trouble in troubles(patient.conn).values():
        if trouble.down_since is not None:
            since = local(trouble.down_since, patient.settings.zone)
            yield error(
                "channel_down",
                f"the channel {trouble.channel} is down since {since}: {trouble.reason}",
                f"correct the cause, in CHANNEL_{trouble.channel.upper()} or at its provider: the"
                " workers try it again every 15 seconds, and then send what waits for it",
            )


def check_outbox(patient: Patient) -> Iterator[Finding]:
    """OUTBOX=log or redirect, with which no message reaches its person."""
    outbox = patient.settings.outbox
    if outbox.mode is OutboxMode.LOG:
        yield note("outbox", "OUTBOX=log: nothing leaves, messages are recorded as sent", LIVE)
    elif outbox.mode is OutboxMode.REDIRECT:
        where = "e-mail address" if "@" in outbox.address else "phone"
        words = f"OUTBOX=redirect: every message goes to one {where}, not to people"
        yield note("outbox", words, LIVE)


LIVE = "to write to people, set OUTBOX=live and restart the workers"


def check_channels(patient: Patient) -> Iterator[Finding]:
    """No channel is configured."""
    if patient.settings.channels or patient.settings.outbox.mode is OutboxMode.LOG:
        return
    if patient.settings.inbox is Inbox.ON:
        yield note(
            "no_channel",
            "no channel is configured: messages lie in the site's inbox alone",
            "set CHANNEL_EMAIL, CHANNEL_SMS or another to reach people elsewhere",
        )
        return
    yield error(
        "no_channel",
        "no channel is configured: nobody can be reached",
        "set CHANNEL_EMAIL, CHANNEL_SMS or another, and restart the workers",
    )


# Schemes of generic gateways, whose answers only the admin knows.
GATEWAYS = {"json", "jsons", "form", "forms", "xml", "xmls"}
GATEWAY_CHANNELS = {ChannelName.SMS, ChannelName.TELEGRAM, ChannelName.PUSH}


def check_gateways(patient: Patient) -> Iterator[Finding]:
    """Gateways without CHANNEL_X_ACCEPTED. Many answer 200 and refuse in the body; without it such
    a message counts as sent."""
    for name, channel in patient.settings.channels.items():
        scheme = channel.url.partition("://")[0].strip().lower()
        if name in GATEWAY_CHANNELS and scheme in GATEWAYS and not channel.accepted.strip():
            setting = f"CHANNEL_{name.upper()}_ACCEPTED"
            yield warning(
                "unread_answers",
                f"{setting} is not set: any answer 200 of the gateway of {name} counts as sent"
                " unless it plainly says an error",
                f"set {setting} to what an acceptance looks like, such as status=success:"
                " docs/channels.md",
            )
