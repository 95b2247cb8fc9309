"""The recipes of docs/channels.md, against sinks that answer in each gateway's documented form."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import Outcome, Result
from tests.sinks.http import Answer, HttpSink, Request
from tests.tasks.channels.attempt import a_letter, channels, try_once

PAGE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
TEXT = "ትምህርት በ8:00 ይጀምራል & ይቀጥላል"


pytestmark = pytest.mark.usefixtures("internet")


def recipe(gateway: str) -> Mapping[str, str]:
    section = PAGE.partition(f"### {gateway}\n")[2].partition("\n### ")[0]
    lines = [line for line in section.splitlines() if line.startswith("CHANNEL_")]
    pairs = [line.partition("=") for line in lines]
    return {name.lower(): value.strip("'") for name, _, value in pairs}


def answered(sink: HttpSink, gateway: str, said: Any, status: int = 200) -> Outcome:
    sink.answer(Answer(status=status, body=json.dumps(said).encode()))
    channel = channels(**recipe(gateway))[ChannelName.SMS]
    return try_once(channel, a_letter(text=TEXT))


def only(sink: HttpSink) -> Request:
    [request] = sink.requests
    return request


AFRO_YES = {
    "acknowledge": "success",
    "response": {"message_id": "f3a1", "status": "Send is queued"},
}
AFRO_NO = {"acknowledge": "error", "response": {"errors": ["Invalid or empty recipient"]}}
GEEZ_YES = {"error": False, "msg": "SMS is sent.", "data": {"api_log_id": 4711}}


@pytest.mark.parametrize(
    ("gateway", "said", "result", "id_"),
    [
        ("AfroMessage", AFRO_YES, Result.SENT, "f3a1"),
        ("AfroMessage", AFRO_NO, Result.FAILED, None),
        ("SMSEthiopia", {"sent": True, "description": "Message sent"}, Result.SENT, None),
        ("SMSEthiopia", {"sent": False, "description": "No balance"}, Result.FAILED, None),
        ("GeezSMS", GEEZ_YES, Result.SENT, "4711"),
        ("GeezSMS", {"error": True, "msg": "Invalid token"}, Result.FAILED, None),
    ],
)
def test_yes_and_no_are_read(
    http_sink: HttpSink, gateway: str, said: Any, result: Result, id_: str | None
) -> None:
    outcome = answered(http_sink, gateway, said)

    assert (outcome.result, outcome.provider_id) == (result, id_)


@pytest.mark.parametrize("gateway", ["AfroMessage", "SMSEthiopia", "GeezSMS"])
@pytest.mark.parametrize("said", [{"message": "Service is starting"}, "Welcome"])
def test_an_answer_that_is_neither_is_unknown(http_sink: HttpSink, gateway: str, said: Any) -> None:
    assert answered(http_sink, gateway, said).result is Result.UNKNOWN


def test_afromessage_gets_what_it_documents(http_sink: HttpSink) -> None:
    answered(http_sink, "AfroMessage", AFRO_YES)

    request = only(http_sink)
    assert (request.method, request.path) == ("POST", "/api/send")
    assert request.headers["host"] == "api.afromessage.com"
    assert request.headers["authorization"] == "Bearer TOKEN"
    assert request.json == {
        "from": "IDENTIFIER",
        "sender": "SENDER",
        "to": "+251911223344",
        "message": TEXT,
    }


def test_smsethiopia_gets_what_it_documents(http_sink: HttpSink) -> None:
    answered(http_sink, "SMSEthiopia", {"sent": True})

    request = only(http_sink)
    assert (request.method, request.path) == ("POST", "/api/sms/send")
    assert request.headers["key"] == "APIKEY"
    assert request.json == {"msisdn": "251911223344", "text": TEXT}


def test_geezsms_gets_what_it_documents(http_sink: HttpSink) -> None:
    answered(http_sink, "GeezSMS", GEEZ_YES)

    request = only(http_sink)
    assert (request.method, request.path) == ("POST", "/api/v1/sms/send")
    fields = parse_qs(request.body.decode(), keep_blank_values=True)
    assert fields == {"token": ["TOKEN"], "phone": ["251911223344"], "msg": [TEXT]}
