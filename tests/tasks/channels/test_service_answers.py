"""Answers of services in their bodies, from each one's reference."""

import json
from typing import Any

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import About, Outcome, Result
from tests.sinks.http import Answer, HttpSink
from tests.tasks.channels.attempt import a_person, channels, try_once

SENT, FAILED, UNKNOWN = Result.SENT, Result.FAILED, Result.UNKNOWN
PERSON, MESSAGE, CHANNEL, BUSY = About.PERSON, About.MESSAGE, About.CHANNEL, About.BUSY

TWILIO_SID, TWILIO_TOKEN = "AC" + "a" * 32, "b" * 32
SMS = {
    "vonage": "vonage://ACabcdefgh:ACabcdefgh01234567@+15551234567/{phone}",
    "clicksend": "clicksend://user:key0123456789@{phone}",
    "msg91": "msg91://templateid0123@authkey0123456789/{phone}",
    "seven": "seven://apikey0123456789/{phone}",
    "twilio": f"twilio://{TWILIO_SID}:{TWILIO_TOKEN}@+15551234567/{{phone}}",
    "smsmanager": "smsmanager://apikey0123456789@{phone}",
    "clickatell": "clickatell://apikey0123456789/{phone}",
    "infobip": "infobip://apikey0123456789@host.api.infobip.com/TUTOR/{phone}",
    "msgbird": "msgbird://" + "a" * 25 + "/+15551234567/{phone}",
    "bulksms": "bulksms://user:password@{phone}",
}
UNDESCRIBED = {
    "smseagle": "smseagles://token0123456789@host.example/{phone}",
    "notifyre": "notifyre://apikey0123456789/{phone}",
}
PUSH = {
    "onesignal": "onesignal://aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa@apikey0123/{push}",
    "pover": "pover://" + "u" * 30 + "@" + "t" * 30 + "/{push}",
}
CHAT = {"tgram": "tgram://123456789:abcdefg_hijklmnop/{telegram}/"}


pytestmark = pytest.mark.usefixtures("internet")


def channel_of(service: str) -> Channel:
    for name, urls in (
        (ChannelName.SMS, SMS | UNDESCRIBED),
        (ChannelName.PUSH, PUSH),
        (ChannelName.TELEGRAM, CHAT),
    ):
        if service in urls:
            return channels(**{f"channel_{name}": urls[service]})[name]
    raise KeyError(service)


def answered(sink: HttpSink, service: str, status: int, said: Any) -> Outcome:
    body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    sink.answer(Answer(status=status, body=body))
    person = a_person(addresses={ChannelName.PUSH: "device-1", ChannelName.TELEGRAM: "12345"})
    return try_once(channel_of(service), person=person)


def vonage(status: str, **more: str) -> dict[str, Any]:
    return {"message-count": "1", "messages": [{"status": status, **more}]}


def clicksend(status: str) -> dict[str, Any]:
    entry = {"to": "+251911223344", "message_id": "CS-1", "status": status}
    return {"http_code": 200, "response_code": "SUCCESS", "data": {"messages": [entry]}}


def seven(code: str) -> dict[str, Any]:
    success = code == "100"
    error = None if success else code
    entry = {"id": "77123" if success else None, "success": success, "error": error}
    return {"success": code, "messages": [entry]}


def twilio(**fields: Any) -> dict[str, Any]:
    return {"sid": "SM" + "1" * 32, "error_code": None, "error_message": None, **fields}


def infobip(group: str, name: str) -> dict[str, Any]:
    state = {"groupName": group, "name": name, "description": f"It is {name}"}
    return {"messages": [{"messageId": "2250be2d", "status": state}]}


def clickatell(**entry: Any) -> dict[str, Any]:
    return {"messages": [{"error": None, **entry}], "error": None}


def telegram(code: int, words: str) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": words}


ACCEPTED = [
    ("vonage", 200, vonage("0", **{"message-id": "0A0000000123ABCD1"}), "0A0000000123ABCD1"),
    ("clicksend", 200, clicksend("SUCCESS"), "CS-1"),
    ("msg91", 200, {"type": "success", "message": "3763646c30583735"}, "3763646c30583735"),
    ("seven", 200, seven("100"), "77123"),
    ("twilio", 201, twilio(status="queued"), "SM" + "1" * 32),
    ("smsmanager", 200, "OK|121212|251911223344", "121212"),
    ("clickatell", 202, clickatell(accepted=True, apiMessageId="c1"), "c1"),
    ("infobip", 200, infobip("PENDING", "PENDING_ACCEPTED"), "2250be2d"),
    ("msgbird", 201, {"id": "e8077d80", "recipients": {"items": [{"status": "sent"}]}}, "e8077d80"),
    ("bulksms", 201, [{"id": "4023457654", "status": {"type": "ACCEPTED"}}], "4023457654"),
    ("tgram", 200, {"ok": True, "result": {"message_id": 99}}, "99"),
    ("onesignal", 200, {"id": "b98881cc-1e94"}, "b98881cc-1e94"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "status", "said", "id_"), ACCEPTED)
def test_a_yes_is_sent_under_the_providers_id(
    http_sink: HttpSink, service: str, status: int, said: Any, id_: str
) -> None:
    outcome = answered(http_sink, service, status, said)

    assert (outcome.result, outcome.provider_id) == (SENT, id_), outcome


REFUSED = [
    ("vonage", 200, vonage("1", **{"error-text": "Throughput Rate Exceeded"}), BUSY),
    ("vonage", 200, vonage("4", **{"error-text": "Bad Credentials"}), CHANNEL),
    ("vonage", 200, vonage("29", **{"error-text": "Non-Whitelisted Destination"}), CHANNEL),
    ("vonage", 200, vonage("6", **{"error-text": "Unroutable message"}), MESSAGE),
    ("vonage", 200, vonage("7", **{"error-text": "Number barred"}), PERSON),
    ("clicksend", 200, clicksend("INVALID_RECIPIENT"), PERSON),
    ("clicksend", 200, clicksend("INSUFFICIENT_CREDIT"), CHANNEL),
    ("clicksend", 200, clicksend("COUNTRY_NOT_ENABLED"), CHANNEL),
    ("msg91", 200, {"type": "error", "message": "Auth Key missing"}, CHANNEL),
    ("msg91", 200, {"type": "error", "message": "Invalid mobile number"}, PERSON),
    ("seven", 200, seven("900"), CHANNEL),
    ("seven", 200, {"success": "500", "messages": []}, CHANNEL),
    ("seven", 200, seven("202"), PERSON),
    ("seven", 200, "900", CHANNEL),
    ("twilio", 201, twilio(status="failed", error_code=30005), PERSON),
    ("twilio", 201, twilio(status="undelivered", error_code=30007), MESSAGE),
    ("twilio", 400, {"code": 21211, "message": "Invalid To", "status": 400}, PERSON),
    ("twilio", 401, {"code": 20003, "message": "Authenticate", "status": 401}, CHANNEL),
    ("twilio", 503, {"code": 20503, "message": "Service unavailable", "status": 503}, BUSY),
    ("smsmanager", 200, "ERROR|201", PERSON),
    ("smsmanager", 200, "ERROR|103", CHANNEL),
    ("clickatell", 202, clickatell(accepted=False, error="Invalid destination"), PERSON),
    ("clickatell", 200, {"messages": [], "error": "Invalid authentication"}, CHANNEL),
    ("infobip", 200, infobip("REJECTED", "REJECTED_NOT_ENOUGH_CREDITS"), CHANNEL),
    ("infobip", 200, infobip("REJECTED", "REJECTED_DESTINATION"), PERSON),
    ("bulksms", 201, [{"id": "1", "status": {"type": "FAILED", "subtype": "BLOCKED"}}], PERSON),
    ("tgram", 403, telegram(403, "Forbidden: bot was blocked by the user"), PERSON),
    ("tgram", 400, telegram(400, "Bad Request: chat not found"), PERSON),
    ("tgram", 401, telegram(401, "Unauthorized"), CHANNEL),
    ("tgram", 502, telegram(502, "Bad Gateway"), BUSY),
    ("onesignal", 200, {"id": "", "errors": ["All included players are not subscribed"]}, PERSON),
    ("onesignal", 200, {"id": "", "errors": {"invalid_player_ids": ["device-1"]}}, PERSON),
    ("pover", 200, {"status": 0, "errors": ["user identifier is invalid"]}, PERSON),
]  # fmt: skip


@pytest.mark.parametrize(("service", "status", "said", "about"), REFUSED)
def test_a_refusal_in_the_services_own_words_is_failed(
    http_sink: HttpSink, service: str, status: int, said: Any, about: About
) -> None:
    outcome = answered(http_sink, service, status, said)

    assert (outcome.result, outcome.about) == (FAILED, about), outcome
    assert outcome.provider_id is None


@pytest.mark.parametrize("service", SMS)
@pytest.mark.parametrize("said", ["<html>Log in to the hotel's network</html>", "", "[]"])
def test_a_200_that_is_not_the_providers_is_unknown(
    http_sink: HttpSink, service: str, said: str
) -> None:
    assert answered(http_sink, service, 200, said).result is UNKNOWN


@pytest.mark.parametrize("service", [*UNDESCRIBED, *CHAT, *PUSH])
@pytest.mark.parametrize(
    "said", ["<html>Log in</html>", "\n<!DOCTYPE html>\n<title>Mended</title>"]
)
def test_a_page_for_people_is_no_services_yes(http_sink: HttpSink, service: str, said: str) -> None:
    assert answered(http_sink, service, 200, said).result is UNKNOWN


@pytest.mark.parametrize("service", UNDESCRIBED)
@pytest.mark.parametrize(
    "said",
    [
        {"result": {"error_text": "Invalid login or password", "status": "error"}},
        {"response": {"status": "FAILED", "message": "No credit"}},
        {"data": {"success": False}},
        [{"status": "error", "message": "Wrong number"}],
    ],
)
def test_a_no_that_is_wrapped_is_a_no(http_sink: HttpSink, service: str, said: Any) -> None:
    assert answered(http_sink, service, 200, said).result is FAILED


@pytest.mark.parametrize("service", [*SMS, *CHAT, *PUSH])
@pytest.mark.parametrize(
    "said",
    [
        "",
        "<html>502 Bad Gateway</html>",
        "upstream connect error or disconnect/reset before headers",
        {"message": "An invalid response was received from the upstream server"},
        {"timestamp": "2026-12-01", "status": 502, "error": "Bad Gateway", "path": "/sms"},
        {"code": 502, "message": "Bad Gateway"},
        {"code": 502, "status": 502, "error": {"code": 502, "message": "Bad Gateway"}},
    ],
)
def test_a_proxys_502_in_whatever_words_is_unknown(
    http_sink: HttpSink, service: str, said: Any
) -> None:
    assert answered(http_sink, service, 502, said).result is UNKNOWN
