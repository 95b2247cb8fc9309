"""ntfy, FCM and browser push through Apprise's plugins, to servers that answer as they do."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.fcm import NotifyFCM
from apprise.plugins.ntfy import NotifyNtfy
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Outcome, Result
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.attempt import (
    FOR_GOOD,
    LATER,
    SENT,
    UNKNOWN,
    a_letter,
    a_person,
    channels,
    said,
    try_once,
)
from tests.tasks.channels.oddities import certificate, read_request, serving


class TestNtfy:
    def push(self, sink: HttpSink) -> Channel:
        url = f"ntfy://{sink.host}:{sink.port}/lessons-{{person_id}}"
        return channels(channel_push=url)[ChannelName.PUSH]

    def test_a_push_goes_to_the_persons_topic(self, http_sink: HttpSink) -> None:
        assert said(try_once(self.push(http_sink))) == SENT
        assert http_sink.requests[0].json["topic"] == "lessons-7"

    def test_an_alarm_has_a_high_priority_and_a_reminder_has_none(
        self, http_sink: HttpSink
    ) -> None:
        for urgent in (True, False):
            try_once(self.push(http_sink), a_letter(urgent=urgent))

        priorities = [request.headers.get("x-priority") for request in http_sink.requests]
        assert priorities == ["high", None]

    def test_a_priority_in_the_url_is_kept(self, http_sink: HttpSink) -> None:
        url = f"ntfy://{http_sink.host}:{http_sink.port}/lessons?priority=min"

        try_once(channels(channel_push=url)[ChannelName.PUSH], a_letter(urgent=True))

        assert http_sink.requests[0].headers["x-priority"] == "min"

    def test_a_2xx_that_apprise_does_not_know_is_unknown(self, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(status=202))

        assert said(try_once(self.push(http_sink))) == UNKNOWN

    def test_a_2xx_whose_body_breaks_off_is_unknown(self, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(body=b"x" * 1000, then=BreakOff.IN_ANSWER))

        assert said(try_once(self.push(http_sink))) == UNKNOWN

    def test_a_plugin_does_not_pause_between_its_requests(
        self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The rate is the worker's."""
        url = f"ntfy://{http_sink.host}:{http_sink.port}/one/two"
        monkeypatch.setattr(NotifyNtfy, "request_rate_per_sec", 90.0)
        begun = time.monotonic()

        try_once(channels(channel_push=url)[ChannelName.PUSH])

        assert len(http_sink.requests) == 2
        assert time.monotonic() - begun < 60

    def test_no_picture_of_apprises_is_sent(self, http_sink: HttpSink) -> None:
        try_once(self.push(http_sink))

        assert "x-icon" not in http_sink.requests[0].headers


class TestFcm:
    """Each push requests a token first; the outcome of that request is not the push's."""

    @pytest.fixture
    def push_with(
        self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Callable[..., Channel]:
        monkeypatch.setattr(NotifyFCM, "notify_oauth2_url", f"{http_sink.url}/{{project}}:send")
        token = json.dumps({"access_token": "t0ken", "expires_in": 3600}).encode()
        http_sink.answer(Answer(body=token), path="/token")
        key = tmp_path / "key.json"
        key.write_text(json.dumps(service_account(f"{http_sink.url}/token")))
        url = f"fcm://lessons/{{push}}?keyfile={key}"
        return lambda **settings: channels(channel_push=url, **settings)[ChannelName.PUSH]

    @pytest.fixture
    def push(self, push_with: Callable[..., Channel]) -> Channel:
        return push_with()

    def send(self, push: Channel) -> Outcome:
        return try_once(push, person=a_person(addresses={ChannelName.PUSH: "device:Token_1-x"}))

    def test_a_push_goes_to_the_persons_device(self, push: Channel, http_sink: HttpSink) -> None:
        assert said(self.send(push)) == SENT
        assert http_sink.requests[-1].json["message"]["token"] == "device:Token_1-x"
        assert http_sink.requests[-1].headers["authorization"] == "Bearer t0ken"

    def test_an_unregistered_device_is_for_good(self, push: Channel, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(status=404), path="/lessons:send")

        assert said(self.send(push)) == FOR_GOOD

    def test_a_push_never_answered_is_unknown(self, push: Channel, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(then=BreakOff.AFTER_REQUEST), path="/lessons:send")

        assert said(self.send(push)) == UNKNOWN

    @pytest.mark.parametrize(
        "answer",
        [Answer(then=BreakOff.AFTER_REQUEST), Answer(delay_seconds=600), Answer(status=504)],
    )
    def test_a_token_never_given_is_for_now(
        self, push_with: Callable[..., Channel], http_sink: HttpSink, answer: Answer
    ) -> None:
        http_sink.answer(answer, path="/token")

        assert said(self.send(push_with(send_timeout="1s"))) == LATER
        assert [request.path for request in http_sink.requests] == ["/token"]

    def test_a_refused_token_is_for_good(self, push: Channel, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(status=401, body=b'{"error": "invalid_grant"}'), path="/token")

        assert said(self.send(push)) == FOR_GOOD


def service_account(token_uri: str) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "lessons",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "worker@lessons.example",
        "token_uri": token_uri,
    }


class TestVapid:
    """Browser push: the endpoint is the browser's, over TLS, named in the site's file."""

    @pytest.mark.parametrize(
        ("status", "expected"), [(201, SENT), (404, FOR_GOOD), (410, FOR_GOOD), (503, UNKNOWN)]
    )
    def test_the_push_service_decides(
        self, tmp_path: Path, status: int, expected: tuple[Result, bool]
    ) -> None:
        with push_service(tmp_path, status) as port:
            assert said(try_once(browser(tmp_path, port))) == expected

    def test_a_person_who_has_not_subscribed_is_not_tried(self, tmp_path: Path) -> None:
        with push_service(tmp_path, 201) as port:
            outcome = try_once(browser(tmp_path, port), person=a_person(person_id=8))

        assert said(outcome) == FOR_GOOD


def push_service(folder: Path, status: int) -> Any:
    tls = certificate(folder)

    def behave(connection: Any) -> None:
        with tls.wrap_socket(connection, server_side=True) as secure:
            read_request(secure)
            secure.sendall(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())

    return serving(behave)


def browser(folder: Path, port: int) -> Channel:
    from apprise.utils.base64 import base64_urlencode

    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "vapid.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    subscription = {
        "endpoint": f"https://127.0.0.1:{port}/push/abc",
        "keys": {"p256dh": base64_urlencode(point), "auth": base64_urlencode(b"0" * 16)},
    }
    (folder / "subscriptions.json").write_text(json.dumps({"user-7": subscription}))
    url = (
        f"vapid://desk@site.example.et/user-{{person_id}}?keyfile={folder}/vapid.pem"
        f"&subfile={folder}/subscriptions.json&verify=no"
    )
    return channels(channel_push=url)[ChannelName.PUSH]


@pytest.fixture(autouse=True)
def quiet_tls() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
