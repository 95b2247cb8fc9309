"""The services of docs/channels.md, through Apprise's own plugins, to a server that answers as
they do."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.africas_talking import NotifyAfricasTalking
from apprise.plugins.fcm import NotifyFCM
from apprise.plugins.telegram import NotifyTelegram
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Outcome, Result
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.making import a_letter, a_person, channels, try_once
from tests.tasks.channels.oddities import certificate, read_request, serving

SENT = (Result.SENT, False)
LATER = (Result.FAILED, False)
FOR_GOOD = (Result.FAILED, True)
UNKNOWN = (Result.UNKNOWN, False)


def said(outcome: Outcome) -> tuple[Result, bool]:
    return outcome.result, outcome.final


class TestAfricasTalking:
    @pytest.fixture
    def sms(self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> Channel:
        there = dict.fromkeys(NotifyAfricasTalking.notify_url, f"{http_sink.url}/messaging")
        monkeypatch.setattr(NotifyAfricasTalking, "notify_url", there)
        url = "atalk://tutoring@apikey0123456789/{phone}?from=TUTOR"
        return channels(channel_sms=url, send_timeout="1s")[ChannelName.SMS]

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            (100, "Processed", SENT),
            (101, "Sent", SENT),
            (102, "Queued", SENT),
            (401, "RiskHold", LATER),
            (402, "InvalidSenderId", FOR_GOOD),
            (403, "InvalidPhoneNumber", FOR_GOOD),
            (404, "UnsupportedNumberType", FOR_GOOD),
            (405, "InsufficientBalance", LATER),
            (406, "UserInBlacklist", FOR_GOOD),
            (407, "CouldNotRoute", LATER),
            (409, "DoNotDisturbRejection", FOR_GOOD),
            (500, "InternalServerError", LATER),
            (501, "GatewayError", LATER),
            (502, "RejectedByGateway", LATER),
            (999, "SomethingNew", FOR_GOOD),
        ],
    )
    def test_the_code_within_the_201_decides(
        self,
        sms: Channel,
        http_sink: HttpSink,
        code: int,
        status: str,
        expected: tuple[Result, bool],
    ) -> None:
        http_sink.answer(sms_answer(code, status))

        outcome = try_once(sms)

        assert said(outcome) == expected
        assert outcome.words == f"201 {status} (statusCode {code})"

    def test_an_answer_without_any_number_is_a_refusal(
        self, sms: Channel, http_sink: HttpSink
    ) -> None:
        body = {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}
        http_sink.answer(Answer(status=201, body=json.dumps(body).encode()))

        outcome = try_once(sms)

        assert (said(outcome), outcome.words) == (FOR_GOOD, "201 InvalidSenderId")

    @pytest.mark.parametrize("body", [b"<html>Log in</html>", b"", b"[]", b"null"])
    def test_an_answer_of_another_form_is_unknown(
        self, sms: Channel, http_sink: HttpSink, body: bytes
    ) -> None:
        http_sink.answer(Answer(status=200, body=body))

        assert said(try_once(sms)) == UNKNOWN

    def test_an_acceptance_for_another_number_is_unknown(
        self, sms: Channel, http_sink: HttpSink
    ) -> None:
        http_sink.answer(sms_answer(101, "Success", "+251999999999"))

        assert said(try_once(sms)) == UNKNOWN

    def test_an_answer_that_breaks_off_is_unknown(self, sms: Channel, http_sink: HttpSink) -> None:
        http_sink.answer(replace(sms_answer(403, "InvalidPhoneNumber"), then=BreakOff.IN_ANSWER))

        assert said(try_once(sms)) == UNKNOWN

    def test_an_sms_accepted_but_answered_late_is_unknown(
        self, sms: Channel, http_sink: HttpSink
    ) -> None:
        http_sink.answer(replace(sms_answer(101, "Success"), delay_seconds=30))

        assert said(try_once(sms)) == UNKNOWN
        assert len(http_sink.requests) == 1

    def test_wrong_credentials_are_for_good(self, sms: Channel, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(status=401, body=b"The supplied authentication is invalid"))

        outcome = try_once(sms)

        assert said(outcome) == FOR_GOOD
        assert "check the credentials" in outcome.words

    def test_the_number_is_written_in_full_and_the_text_alone_is_sent(
        self, sms: Channel, http_sink: HttpSink
    ) -> None:
        http_sink.answer(sms_answer(101, "Success"))

        try_once(sms, a_letter(title="Title", text="Hi & bye"), a_person(phone="0911 22 33 44"))

        assert http_sink.requests[0].headers["apikey"] == "apikey0123456789"
        assert http_sink.requests[0].body == (
            b"username=tutoring&to=%2B251911223344&from=TUTOR&message=Hi+%26+bye"
        )


def sms_answer(code: int, status: str, number: str = "+251911223344") -> Answer:
    entry = {
        "statusCode": code,
        "number": number,
        "status": status,
        "cost": "ETB 0.8000",
        "messageId": "ATXid_1",
    }
    body = {"SMSMessageData": {"Message": "Sent to 1/1 Total Cost: ETB 0.8", "Recipients": [entry]}}
    return Answer(status=201, body=json.dumps(body).encode())


class TestTelegram:
    @pytest.fixture
    def telegram(self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> Channel:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{http_sink.url}/bot")
        http_sink.answer(Answer(body=b'{"ok": true, "result": {}}'))
        url = "tgram://123456789:abcdefg_hijklmnop/{telegram}/"
        return channels(channel_telegram=url)[ChannelName.TELEGRAM]

    def send(self, telegram: Channel, **letter: Any) -> Outcome:
        person = a_person(addresses={ChannelName.TELEGRAM: "-1001234567"})
        return try_once(telegram, a_letter(**letter), person)

    def test_a_message_goes_to_the_persons_chat(
        self, telegram: Channel, http_sink: HttpSink
    ) -> None:
        assert said(self.send(telegram)) == SENT
        assert http_sink.requests[0].json["chat_id"] == -1001234567

    def test_tags_in_a_text_are_no_markup(self, telegram: Channel, http_sink: HttpSink) -> None:
        self.send(telegram, title="<b>T</b>", text="<a href='x'>A</a> & B\n{{ 7*7 }}")

        text = http_sink.requests[0].json["text"]
        assert text.startswith("<b>&lt;b&gt;T&lt;/b&gt;</b>")
        assert "&lt;a href=" in text
        assert "&amp; B\r\n{{ 7*7 }}" in text

    def test_the_wait_of_a_429_stands_in_the_body(
        self, telegram: Channel, http_sink: HttpSink
    ) -> None:
        body = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 35}}
        http_sink.answer(Answer(status=429, body=json.dumps(body).encode()))

        outcome = self.send(telegram)

        assert (said(outcome), outcome.wait) == (LATER, timedelta(seconds=35))

    def test_a_blocked_bot_is_for_good(self, telegram: Channel, http_sink: HttpSink) -> None:
        body = b'{"ok": false, "description": "Forbidden: bot was blocked by the user"}'
        http_sink.answer(Answer(status=403, body=body))

        outcome = self.send(telegram)

        assert said(outcome) == FOR_GOOD
        assert "bot was blocked by the user" in outcome.words

    def test_the_bots_token_stays_out_of_the_words(
        self, telegram: Channel, http_sink: HttpSink
    ) -> None:
        body = b'{"ok": false, "description": "no bot 123456789:abcdefg_hijklmnop"}'
        http_sink.answer(Answer(status=404, body=body))

        assert "abcdefg" not in self.send(telegram).words

    def test_a_text_that_is_too_long_is_cut(self, telegram: Channel, http_sink: HttpSink) -> None:
        """Telegram takes 4,096 characters."""
        assert said(self.send(telegram, text="lesson & " * 2000)) == SENT

        [request] = http_sink.requests
        assert 2000 < len(request.json["text"]) <= 4096

    @pytest.mark.usefixtures("telegram")
    def test_a_text_that_is_taken_in_part_is_unknown(self, http_sink: HttpSink) -> None:
        """A repeat would send the part again."""
        url = "tgram://123456789:abcdefg_hijklmnop/{telegram}/?overflow=split"
        telegram = channels(channel_telegram=url)[ChannelName.TELEGRAM]
        http_sink.answer(Answer(status=500))
        http_sink.answer(Answer(body=b'{"ok": true}'), times=1)

        assert said(self.send(telegram, text="lesson " * 2000)) == UNKNOWN


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

    def test_a_plugin_does_not_pause_between_its_requests(self, http_sink: HttpSink) -> None:
        """Apprise would wait 5.5 s; the rate is the worker's."""
        url = f"ntfy://{http_sink.host}:{http_sink.port}/one/two"
        begun = time.monotonic()

        try_once(channels(channel_push=url)[ChannelName.PUSH])

        assert len(http_sink.requests) == 2
        assert time.monotonic() - begun < 3

    def test_no_picture_of_apprises_is_sent(self, http_sink: HttpSink) -> None:
        try_once(self.push(http_sink))

        assert "x-icon" not in http_sink.requests[0].headers


class TestFcm:
    """Each push asks for a token first: what becomes of that is not what becomes of the push."""

    @pytest.fixture
    def push(self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Channel:
        monkeypatch.setattr(NotifyFCM, "notify_oauth2_url", f"{http_sink.url}/{{project}}:send")
        token = json.dumps({"access_token": "t0ken", "expires_in": 3600}).encode()
        http_sink.answer(Answer(body=token), path="/token")
        key = tmp_path / "key.json"
        key.write_text(json.dumps(service_account(f"{http_sink.url}/token")))
        url = f"fcm://lessons/{{push}}?keyfile={key}"
        return channels(channel_push=url, send_timeout="1s")[ChannelName.PUSH]

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
        [Answer(then=BreakOff.AFTER_REQUEST), Answer(delay_seconds=30), Answer(status=504)],
    )
    def test_a_token_never_given_is_for_now(
        self, push: Channel, http_sink: HttpSink, answer: Answer
    ) -> None:
        http_sink.answer(answer, path="/token")

        assert said(self.send(push)) == LATER
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
        ("status", "expected"), [(201, SENT), (404, FOR_GOOD), (410, FOR_GOOD), (503, LATER)]
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
