"""Services whose plugin sends the message itself by GET."""

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.attempt import (
    SENT,
    UNKNOWN,
    channels,
    said,
    try_once,
)

SMS = {
    "clickatell": ("clickatell://apikey0123456789/{phone}", b'{"messages": [{"accepted": true}]}'),
    "smsmanager": ("smsmanager://apikey0123456789@{phone}", b"OK|123|251911223344"),
}
PUSH = {
    "notifico": ("notifico://2144/uJmKaBW9WFk42miB146ci3Kj", b"OK"),
    "enigma2": ("enigma2://box.example/", b'{"result": true}'),
}
URLS = {
    **{name: (ChannelName.SMS, *each) for name, each in SMS.items()},
    **{name: (ChannelName.PUSH, *each) for name, each in PUSH.items()},
}


pytestmark = pytest.mark.usefixtures("internet")


def channel_of(service: str, **settings: str) -> Channel:
    name, url, _ = URLS[service]
    return channels(**{f"channel_{name}": url, **settings})[name]


@pytest.mark.parametrize("service", URLS)
def test_what_was_accepted_is_sent(http_sink: HttpSink, service: str) -> None:
    http_sink.answer(Answer(body=URLS[service][2]))

    outcome = try_once(channel_of(service))

    assert (said(outcome), [each.method for each in http_sink.requests]) == (SENT, ["GET"])


@pytest.mark.parametrize("service", URLS)
@pytest.mark.parametrize("end", [Answer(then=BreakOff.AFTER_REQUEST), Answer(delay_seconds=30)])
def test_what_was_never_answered_is_unknown(http_sink: HttpSink, service: str, end: Answer) -> None:
    http_sink.answer(end)

    assert said(try_once(channel_of(service, send_timeout="1s"))) == UNKNOWN
