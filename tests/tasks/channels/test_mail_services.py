"""Each mail plugin of Apprise, driven with a real message that has a calendar file."""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from scheduler.settings import ChannelName, InvalidSetting
from tasks.channels.configured import organizer_of
from tasks.channels.mail.services import SENDERS
from tasks.channels.outcome import Result
from tasks.channels.plugins import plugins
from tasks.channels.web.carried_requests import speaks_by_requests
from tasks.channels.web.services.stop_headers import CARRY
from tests.sinks.http import Answer, HttpSink, Request
from tests.tasks.channels.attempt import channels, settings_of, try_once
from tests.tasks.channels.mail_services import (
    BY_NAME,
    CALENDAR,
    DESK,
    SERVICES,
    WELCOME,
    a_real_letter,
)
from tests.tasks.channels.unpacking import everything_in

SUBJECT = re.compile(r"^Subject: (.*)$", re.MULTILINE)
PAGE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")


pytestmark = pytest.mark.usefixtures("internet")


def sent_by(service: str, sink: HttpSink) -> Request:
    """The request that carries the message; what is asked before it names nobody."""
    sink.answer(Answer(body=WELCOME))
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]

    assert try_once(channel, a_real_letter()).result is Result.SENT
    return next(each for each in sink.requests if b"abebe" in each.body)


def without_login(body: bytes, names: Sequence[str]) -> bytes:
    for name in names:
        body = re.sub(rb'"%s": "[^"]*"' % name.encode(), b"", body)
    return body


@pytest.mark.parametrize("service", SERVICES)
def test_the_person_gets_subject_and_words(http_sink: HttpSink, service: str) -> None:
    body = everything_in(sent_by(service, http_sink).body)
    subjects = [str(make_header(decode_header(each))) for each in SUBJECT.findall(body)]

    assert "abebe@example.et" in body
    assert DESK in body
    assert "ፊዚክስ begins at <b>14:00</b>" in body
    assert "ፊዚክስ at 14:00" in (subjects or body)


@pytest.mark.parametrize("service", SERVICES)
def test_the_calendar_file_arrives_under_its_type(http_sink: HttpSink, service: str) -> None:
    kind = SERVICES[service].calendar
    body = everything_in(sent_by(service, http_sink).body)

    assert (CALENDAR.content.decode() in body) == (kind is not None)
    assert ("session.ics" in body) == (kind is not None)
    if kind is not None:
        assert ("text/calendar" in body) == (kind == "text/calendar")
        assert ("application/octet-stream" in body) == (kind not in ("text/calendar", BY_NAME))


@pytest.mark.parametrize("service", SERVICES)
def test_the_stop_link_is_in_the_headers_of_services_that_carry_them(
    http_sink: HttpSink, service: str
) -> None:
    http_sink.answer(Answer(body=WELCOME))
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]
    letter = replace(a_real_letter(), mute_url="https://site.example/stop/abcdefghijkl")

    assert try_once(channel, letter).result is Result.SENT
    body = everything_in(next(one.body for one in http_sink.requests if b"abebe" in one.body))
    stop = ("List-Unsubscribe", "<https://site.example/stop/abcdefghijkl>", "One-Click")

    assert [each in body for each in stop] == [service in CARRY] * 3


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_lies_beside_the_message(http_sink: HttpSink, service: str) -> None:
    body = without_login(sent_by(service, http_sink).body, SERVICES[service].login)

    there = everything_in(body)
    assert [secret for secret in SERVICES[service].secrets if secret in there] == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_neither_the_ledgers_words_nor_the_log_hold_a_secret(
    http_sink: HttpSink, log: io.StringIO, service: str, status: int
) -> None:
    """No secret is shown, even if the service repeats its request."""
    secrets = SERVICES[service].secrets
    told = json.dumps({"message": " ".join(secrets), "errors": [{"detail": " ".join(secrets)}]})
    http_sink.answer(Answer(status=status, body=told.encode()))
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]

    words = try_once(channel, a_real_letter()).words

    assert [secret for secret in secrets if secret in words + log.getvalue()] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_asks_to_wait_is_asked_once(http_sink: HttpSink, service: str) -> None:
    http_sink.answer(Answer(status=429, headers={"Retry-After": "30"}))
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]

    outcome = try_once(channel, a_real_letter())

    assert (outcome.wait, len(http_sink.requests)) == (timedelta(seconds=30), 1)


@pytest.mark.parametrize("service", SERVICES)
def test_the_organizer_is_the_senders_address(service: str) -> None:
    assert organizer_of(settings_of(channel_email=SERVICES[service].url)) == DESK


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("", ""),
        ("mailtos://u:p@mail.example?from=desk@school.example&to={email}", DESK),
        ("mailtos://u:p@mail.example?from=School<desk@school.example>&to={email}", DESK),
        ("mailtos://desk:p@school.example?to={email}", DESK),
        ("mailtos://u:p@localhost?to={email}", ""),
        ("json://desk@school.example/?from=desk@school.example&:to={email}", ""),
    ],
)
def test_the_organizer_is_who_the_mail_comes_from(url: str, address: str) -> None:
    assert organizer_of(settings_of(channel_email=url)) == address


@pytest.mark.parametrize("service", SERVICES)
def test_a_url_without_the_person_is_refused(service: str) -> None:
    """Most of these services would write to the sender, and call it sent."""
    url = SERVICES[service].url.replace("/{email}", "")

    with pytest.raises(InvalidSetting) as refused:
        channels(channel_email=url)

    assert "/{email}" in str(refused.value)
    assert not any(secret in str(refused.value) for secret in SERVICES[service].secrets)


@pytest.mark.parametrize("service", SERVICES)
def test_a_url_with_another_target_beside_the_person_is_refused(service: str) -> None:
    url = SERVICES[service].url.replace("/{email}", "/{email}/everybody@school.example")

    with pytest.raises(InvalidSetting):
        channels(channel_email=url)


def test_every_mail_plugin_is_here() -> None:
    """Those that can be watched, and know of carbon copies."""
    known = plugins()
    schemas = known.schemas()  # type: ignore[no-untyped-call]
    mail = {s for s in schemas if {"cc", "bcc"} <= {*known[s].template_args}}

    assert {s for s in mail if speaks_by_requests(known[s])} - {"o365"} == {*SERVICES}
    assert {"o365", "mailto", "mailtos", *SERVICES} == {*SENDERS}


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_says_how_the_calendar_file_arrives(service: str) -> None:
    (line,) = re.findall(rf"^\| `{service}://` \|.*$", PAGE, re.MULTILINE)
    said = {None: "no file", BY_NAME: "by its name"}.get(SERVICES[service].calendar)

    assert (said or f"`{SERVICES[service].calendar}`") in line
