"""Channels, letters and people for these tests, with valid defaults."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.message import Preferences, Recipient
from scheduler.settings import ChannelName, Role, Settings, load_settings
from tasks.channels.channel import Channel
from tasks.channels.configured import channels_of
from tasks.channels.outcome import Outcome, Result
from tasks.messages.letter import Letter
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink

KEY = UUID("5f0c2f52-6c3e-4b6a-9d6e-000000000001")
AT = datetime(2026, 12, 1, 7, 30, tzinfo=UTC)
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)

# Result of `said`.
SENT = (Result.SENT, False)
LATER = (Result.FAILED, False)
FOR_GOOD = (Result.FAILED, True)
UNKNOWN = (Result.UNKNOWN, False)


def settings_of(**values: Any) -> Settings:
    """Settings of these values alone: no environment, no `.env`."""
    nothing = dict.fromkeys(("database_url", "redis_url", "channel_email"), "")
    return load_settings(**{"_env_file": None, **nothing, "send_timeout": 60, **values})


def channels(**values: Any) -> Mapping[ChannelName, Channel]:
    return channels_of(settings_of(**values))


def email_channel(sink: SmtpSink, more: str = "", **values: Any) -> Channel:
    url = f"mailto://{sink.host}:{sink.port}?from=desk@site.example.et&to={{email}}{more}"
    return channels(channel_email=url, **values)[ChannelName.EMAIL]


def webhook(sink: HttpSink, rest: str = "/hook", **values: Any) -> Channel:
    url = f"json://{sink.host}:{sink.port}{rest}"
    return channels(channel_webhook=url, **values)[ChannelName.WEBHOOK]


def a_person(**values: Any) -> Recipient:
    given = {
        "person_id": 7,
        "role": Role.STUDENT,
        "name": "Abebe Bekele",
        "email": "abebe@example.et",
        "phone": "+251911223344",
        "preferences": Preferences("en", ZoneInfo("Africa/Addis_Ababa")),
    }
    return Recipient(**{**given, **values})


def a_letter(**values: Any) -> Letter:
    return Letter(**{"title": "Physics at 14:00", "text": "Your lesson begins at 14:00.", **values})


def try_once(
    channel: Channel, letter: Letter | None = None, person: Recipient | None = None
) -> Outcome:
    return channel.send(letter or a_letter(), person or a_person(), KEY, AT)


def said(outcome: Outcome) -> tuple[Result, bool]:
    """The result, and whether it is final."""
    return outcome.result, outcome.final
