"""Each SMS plugin of Apprise, driven once with an Ethiopian number and an Amharic text."""

import json
import re
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from scheduler.settings import ChannelName, InvalidSetting
from tests.sinks.http import HttpSink
from tests.tasks.channels.attempt import a_letter, channels, try_once
from tests.tasks.channels.sms_services import REFUSED, SERVICES, SmsService

PAGE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
TEXT = "ትምህርት በ8:00 ይጀምራል"
ENGLISH = "Physics at 14:00"


pytestmark = pytest.mark.usefixtures("internet")


def requested(sink: HttpSink, service: SmsService, text: str) -> str:
    """All that its one request says, decoded."""
    try_once(channels(channel_sms=service.url)[ChannelName.SMS], a_letter(text=text))
    [request] = sink.requests
    body = request.body.decode()
    try:
        body = json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        body = unquote_plus(body)
    return f"{request.method} {request.headers['host']}{unquote_plus(request.path)} {body}"


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.scheme)
def test_the_number_leaves_in_one_form_and_the_text_whole(
    http_sink: HttpSink, service: SmsService
) -> None:
    said = requested(http_sink, service, TEXT)

    assert re.findall(r"[+0]*251911223344", said) == [service.number], said
    assert TEXT in said or json.dumps(TEXT) in said
    assert service.asks in said


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.scheme)
def test_the_address_is_whole(http_sink: HttpSink, service: SmsService) -> None:
    said = requested(http_sink, service, TEXT)

    place = said.partition("?")[0].partition(" ")[2].partition(" ")[0]
    assert "{" not in place


@pytest.mark.parametrize(
    "service",
    [each for each in SERVICES if each.scheme in ("vonage", "msgbird", "smsc", "serwersms")],
    ids=lambda each: each.scheme,
)
def test_an_english_text_is_not_made_unicode(http_sink: HttpSink, service: SmsService) -> None:
    """It would take two SMS where one does."""
    assert service.asks not in requested(http_sink, service, ENGLISH)


@pytest.mark.parametrize("scheme", REFUSED)
def test_what_cannot_work_is_refused_at_the_start(scheme: str) -> None:
    url, why = REFUSED[scheme]

    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms=url)

    assert why in str(refused.value)


def row(service: SmsService) -> str:
    """A line of the page's table, as it must be."""
    asks = f"asked: `{service.asks}`" if service.asks else "found by the provider"
    return f"| `{service.scheme}://` | `{service.number}` | {asks} |"


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.scheme)
def test_the_page_says_what_leaves(service: SmsService) -> None:
    assert f"{row(service)}\n" in PAGE


@pytest.mark.parametrize("scheme", REFUSED)
def test_the_page_names_what_is_refused(scheme: str) -> None:
    assert f"`{scheme}://`" in PAGE
