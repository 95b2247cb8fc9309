"""Generic gateways, whose acceptance CHANNEL_SMS_ACCEPTED describes."""

import json
from typing import Any

import pytest

from scheduler.settings import ChannelName, InvalidSetting
from tasks.channels.outcome import About, Outcome, Result
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.attempt import channels, try_once

SENT, FAILED, UNKNOWN = Result.SENT, Result.FAILED, Result.UNKNOWN


def answered(sink: HttpSink, said: Any, accepted: str, id_: str = "", status: int = 200) -> Outcome:
    body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    sink.answer(Answer(status=status, body=body))
    channel = channels(
        channel_sms=f"json://{sink.host}:{sink.port}/send?:to={{phone}}",
        channel_sms_accepted=accepted,
        channel_sms_id=id_,
    )[ChannelName.SMS]
    return try_once(channel)


AFRO = "acknowledge=success"
AFRO_YES = {
    "acknowledge": "success",
    "response": {"message_id": "a1b2", "status": "Send is queued"},
}
AFRO_NO = {"acknowledge": "error", "response": {"errors": ["Your credit is too low"]}}


@pytest.mark.parametrize(
    ("accepted", "said", "result"),
    [
        (AFRO, AFRO_YES, SENT),
        (AFRO, AFRO_NO, FAILED),
        (AFRO, {"acknowledge": "SUCCESS"}, SENT),
        (AFRO, {"acknowledge": None}, FAILED),
        (AFRO, {"something": "else"}, UNKNOWN),
        (AFRO, {"error": "Invalid token"}, FAILED),
        (AFRO, "<html><body>Sign in</body></html>", UNKNOWN),
        (AFRO, "", UNKNOWN),
        (AFRO, "{}", UNKNOWN),
        (AFRO, "[]", UNKNOWN),
        ("sent=true", {"sent": True}, SENT),
        ("sent=true", {"sent": False, "description": "Insufficient balance"}, FAILED),
        ("error=false", {"error": False, "msg": "ok"}, SENT),
        ("error=false", {"error": True, "msg": "Invalid token"}, FAILED),
        ("messages.0.status=0", {"messages": [{"status": "0"}]}, SENT),
        ("messages.0.status=0", {"messages": [{"status": 0}]}, SENT),
        ("messages.0.status=0", {"messages": [{"status": "4"}]}, FAILED),
        ("messages.0.status=0", {"messages": []}, UNKNOWN),
        ("messages.0.status=(0|1)", {"messages": [{"status": 1}]}, SENT),
        ("messages.*.status=0", {"messages": [{"status": 0}, {"status": 0}]}, SENT),
        ("messages.*.status=0", {"messages": [{"status": 0}, {"status": 4}]}, UNKNOWN),
        ("0.status=OK", [{"status": "OK"}], SENT),
        ("result.code=0", "<r><result><code>0</code></result></r>", SENT),
        ("result.code=0", "<r><result><code>7</code></result></r>", FAILED),
        ("OK", "OK: 12345", SENT),
        ("OK", "ok", SENT),
        ("OK", "ERR: 114", FAILED),
        ("sent", "error_credit", FAILED),
        ("Message sent", "Wrong phone number", FAILED),
        ("OK", "-104", FAILED),
        ("OK", "queued for later", UNKNOWN),
        ("OK", "<html>OK</html>", UNKNOWN),
        ("1701|", "1701|251911223344|b0a1", SENT),
        ("1701|", "1702|251911223344", UNKNOWN),
        ("status=0", "status=0&id=12", SENT),
        ('(Success) "', 'Success "07033084-5cfd-4812-90a4-e4d24ffb6e3d"', SENT),
        ('(Success) "', 'Error "No route found"', FAILED),
        ("([03]): ", "3: Queued for later delivery", SENT),
        ("([03]): ", "Authorization failed for sendsms", FAILED),
    ],
)
def test_the_gateways_own_word_decides(
    http_sink: HttpSink, accepted: str, said: Any, result: Result
) -> None:
    outcome = answered(http_sink, said, accepted)

    assert outcome.result is result, outcome


@pytest.mark.parametrize(
    ("accepted", "id_", "said", "expected"),
    [
        (AFRO, "response.message_id", AFRO_YES, "a1b2"),
        (AFRO, "response.nowhere", AFRO_YES, None),
        ("messages.0.status=0", "messages.0.id", {"messages": [{"status": 0, "id": 77}]}, "77"),
        ("error=false", "data.api_log_id", {"error": False, "data": {"api_log_id": 9}}, "9"),
        ("(Success)", 'Success "([^"]+)"', 'Success "0703-3084"', "0703-3084"),
        ("1701|", r"\|([^|]+)$", "1701|251911223344|b0a1", "b0a1"),
        ("result.code=0", "result.id", "<r><result><code>0</code><id>x9</id></result></r>", "x9"),
        ("OK", "", "OK: 12345", None),
    ],
)
def test_the_providers_id_is_kept(
    http_sink: HttpSink, accepted: str, id_: str, said: Any, expected: str | None
) -> None:
    assert answered(http_sink, said, accepted, id_).provider_id == expected


def test_a_refusal_is_told_in_the_gateways_words(http_sink: HttpSink) -> None:
    assert answered(http_sink, AFRO_NO, AFRO).words == "200 Your credit is too low"


def test_a_refusal_under_500_is_the_gateways_own(http_sink: HttpSink) -> None:
    assert answered(http_sink, AFRO_NO, AFRO, status=500).result is FAILED


JASMIN_WORDS = [
    (403, 'Error "Authentication failure for username:USER"', FAILED, About.CHANNEL, True),
    (400, 'Error "Argument [to] has an invalid value: [abc]."', FAILED, About.PERSON, True),
    (412, 'Error "No route found"', FAILED, About.PERSON, True),
    (403, 'Error "Cannot charge submit_sm, check the log"', FAILED, About.CHANNEL, False),
    (403, 'Error "User throughput exceeded"', FAILED, About.BUSY, False),
    (500, 'Error "Cannot send submit_sm, check the log"', FAILED, About.BUSY, False),
    (500, 'Error "Unknown error: timed out"', UNKNOWN, About.TRANSPORT, False),
]


@pytest.mark.parametrize("accepted", ['(Success) "', ""])
@pytest.mark.parametrize(("status", "said", "result", "about", "final"), JASMIN_WORDS)
def test_jasmins_refusals_are_read_as_it_means_them(
    http_sink: HttpSink,
    accepted: str,
    status: int,
    said: str,
    result: Result,
    about: About,
    final: bool,  # noqa: FBT001
) -> None:
    """As Jasmin 0.11.1 was seen to answer."""
    outcome = answered(http_sink, said, accepted, status=status)

    assert (outcome.result, outcome.about, outcome.final) == (result, about, final), outcome


@pytest.mark.parametrize("said", ["", "Bad Gateway", {"error": "Bad Gateway"}, AFRO_YES])
def test_a_500_that_does_not_say_no_in_the_gateways_form_is_unknown(
    http_sink: HttpSink, said: Any
) -> None:
    assert answered(http_sink, said, AFRO, status=500).result is UNKNOWN


def test_a_yes_that_breaks_off_is_unknown(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(body=json.dumps(AFRO_YES).encode(), then=BreakOff.IN_ANSWER))
    url = f"json://{http_sink.host}:{http_sink.port}/send?:to={{phone}}"

    outcome = try_once(channels(channel_sms=url, channel_sms_accepted=AFRO)[ChannelName.SMS])

    assert outcome.result is UNKNOWN


def test_without_a_described_yes_a_plain_no_still_counts(http_sink: HttpSink) -> None:
    assert answered(http_sink, AFRO_NO, "").result is FAILED
    assert answered(http_sink, AFRO_YES, "").result is SENT


@pytest.mark.parametrize(
    ("accepted", "id_", "says"),
    [
        ("", "response.id", "CHANNEL_SMS_ID: it needs CHANNEL_SMS_ACCEPTED"),
        ("OK", "id: (", "CHANNEL_SMS_ID: the pattern cannot be read"),
        ("OK", "(a)(b)", "CHANNEL_SMS_ID: this is neither a path nor a pattern"),
        ("OK", "no group", "CHANNEL_SMS_ID: this is neither a path nor a pattern"),
        ("(a", "", "CHANNEL_SMS_ACCEPTED: the pattern cannot be read"),
        ("(a)?", "", "CHANNEL_SMS_ACCEPTED: this is neither"),
    ],
)
def test_what_cannot_be_read_is_refused_at_the_start(accepted: str, id_: str, says: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        channels(
            channel_sms="json://gateway.example/?:to={phone}",
            channel_sms_accepted=accepted,
            channel_sms_id=id_,
        )

    assert str(refused.value).startswith(says)
