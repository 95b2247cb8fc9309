"""Answers of mail services in their bodies, from each one's reference."""

import json
from typing import Any

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import About, Outcome, Result
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.attempt import channels, try_once
from tests.tasks.channels.mail_services import SERVICES, WELCOME, a_real_letter

PERSON, MESSAGE, CHANNEL = About.PERSON, About.MESSAGE, About.CHANNEL
TRANSPORT, BUSY = About.TRANSPORT, About.BUSY
# Login requests that precede the message, as passed on by `Internet`.
TOKENS = ("/0a1b2c3d-tenant-4e5f/oauth2/v2.0/token", "/oauth/access_token")

pytestmark = pytest.mark.usefixtures("internet")


def answered(sink: HttpSink, service: str, status: int, said: Any) -> Outcome:
    body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    sink.answer(Answer(status=status, body=body))
    for path in TOKENS:
        sink.answer(Answer(body=WELCOME), path=path)
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]
    return try_once(channel, a_real_letter())


def ses(code: str, words: str) -> str:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{words}</Message></Error>"
    space = "http://ses.amazonaws.com/doc/2010-12-01/"
    return f'<ErrorResponse xmlns="{space}">{error}<RequestId>1</RequestId></ErrorResponse>'


def ses_accepted(id_: str) -> str:
    result = f"<SendRawEmailResult><MessageId>{id_}</MessageId></SendRawEmailResult>"
    return f'<SendRawEmailResponse xmlns="http://ses.amazonaws.com/doc/">{result}</SendRawEmailResponse>'


def sparkpost(accepted: int, **more: Any) -> dict[str, Any]:
    counts = {"total_rejected_recipients": 1 - accepted, "total_accepted_recipients": accepted}
    return {"results": {**counts, "id": "11668787484950529", **more}}


def smtp2go(succeeded: int, *failures: str) -> dict[str, Any]:
    return {"data": {"succeeded": succeeded, "failed": len(failures), "failures": failures,
                     "email_id": "1fTFNX-9EFQ"}}  # fmt: skip


def sendgrid(field: str | None, words: str) -> dict[str, Any]:
    return {"errors": [{"message": words, "field": field, "help": None}]}


def graph(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"It is {code}"}}


def postmark(code: int, words: str) -> dict[str, Any]:
    return {"ErrorCode": code, "Message": words, "MessageID": "b7bc2f4a"}


ACCEPTED = [
    ("acs", 202, {"id": "8540c0de", "status": "Running"}, "8540c0de"),
    ("azure", 202, "", None),
    ("brevo", 201, {"messageId": "<2026@smtp-relay.example>"}, "<2026@smtp-relay.example>"),
    ("mailersend", 202, "", None),
    (
        "mailersend",
        202,
        {"message": "There are some warnings.", "warnings": [{"type": "SOME_SUPPRESSED"}]},
        None,
    ),
    ("mailgun", 200, {"id": "<1@school.example>", "message": "Queued. Thank you."},
     "<1@school.example>"),
    ("postmark", 200, postmark(0, "OK"), "b7bc2f4a"),
    ("resend", 200, {"id": "49a3999c"}, "49a3999c"),
    ("sendgrid", 202, "", None),
    ("sendpulse", 200, {"result": True, "id": "pzkic9-0afezp-fc"}, "pzkic9-0afezp-fc"),
    ("ses", 200, ses_accepted("0101-1"), "0101-1"),
    ("smtp2go", 200, smtp2go(1), "1fTFNX-9EFQ"),
    ("sparkpost", 200, sparkpost(1), "11668787484950529"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "status", "said", "provider_id"), ACCEPTED)
def test_a_yes_is_sent_and_its_id_kept(
    http_sink: HttpSink, service: str, status: int, said: Any, provider_id: str | None
) -> None:
    outcome = answered(http_sink, service, status, said)

    assert (outcome.result, outcome.provider_id) == (Result.SENT, provider_id)


REFUSED = [
    ("acs", 400, {"error": {"code": "DomainNotLinked", "message": "no"}}, CHANNEL),
    ("azure", 400, graph("ErrorInvalidRecipients"), PERSON),
    ("azure", 403, graph("ErrorSendAsDenied"), CHANNEL),
    ("azure", 404, graph("ResourceNotFound"), CHANNEL),
    ("azure", 429, graph("ApplicationThrottled"), BUSY),
    ("brevo", 400, {"code": "invalid_parameter", "message": "email is not valid in to"}, PERSON),
    ("brevo", 400, {"code": "invalid_parameter", "message": "Sending has been rejected because"
     " the sender you used a@b.example is not valid."}, CHANNEL),
    ("brevo", 402, {"code": "not_enough_credits", "message": "no"}, CHANNEL),
    ("mailersend", 202, {"message": "There are some warnings for your request.",
     "warnings": [{"type": "ALL_SUPPRESSED", "recipients": []}]}, PERSON),
    ("mailersend", 422, {"message": "The from.email domain must be verified. #MS42207",
     "errors": {"from.email": ["The from.email domain must be verified. #MS42207"]}}, CHANNEL),
    ("mailersend", 422, {"message": "The to.0.email must be a valid email address.",
     "errors": {"to.0.email": ["The to.0.email must be a valid email address."]}}, PERSON),
    ("mailgun", 400, {"message": "'to' parameter is not a valid address."}, PERSON),
    ("mailgun", 403, {"message": "Domain school.example is not allowed to send: no"}, CHANNEL),
    ("postmark", 422, postmark(406, "You tried to send to a recipient that is inactive"), PERSON),
    ("postmark", 422, postmark(300, "Error parsing 'To': Illegal email domain"), PERSON),
    ("postmark", 422, postmark(300, "Invalid 'From' address"), CHANNEL),
    ("postmark", 422, postmark(400, "The 'From' address is no Sender Signature"), CHANNEL),
    ("postmark", 422, postmark(411, "Forbidden file type"), MESSAGE),
    ("postmark", 200, postmark(406, "inactive"), PERSON),
    ("resend", 422, {"statusCode": 422, "name": "validation_error",
     "message": "Invalid `to` field."}, PERSON),
    ("resend", 403, {"statusCode": 403, "name": "validation_error",
     "message": "The school.example domain is not verified."}, CHANNEL),
    ("resend", 429, {"statusCode": 429, "name": "daily_quota_exceeded", "message": "no"}, CHANNEL),
    ("sendgrid", 400, sendgrid("personalizations.0.to.0.email", "no valid address"), PERSON),
    ("sendgrid", 403, sendgrid("from", "no verified Sender Identity"), CHANNEL),
    ("sendgrid", 400, sendgrid("from.email", "Does not contain a valid address."), CHANNEL),
    ("sendgrid", 401, sendgrid(None, "Maximum credits exceeded"), CHANNEL),
    ("sendpulse", 200, {"result": False, "message": "Sender is not activated"}, CHANNEL),
    ("ses", 400, ses("MessageRejected", "Email address is not verified."), CHANNEL),
    ("ses", 400, ses("InvalidParameterValue", "Illegal address"), PERSON),
    ("ses", 400, ses("Throttling", "Maximum sending rate exceeded."), BUSY),
    ("ses", 403, ses("SignatureDoesNotMatch", "no"), CHANNEL),
    ("smtp2go", 200, smtp2go(0, "The recipient is on the suppression list"), PERSON),
    ("smtp2go", 400, {"data": {"error": "no", "error_code":
     "E_ApiResponseCodes.ENDPOINT_PERMISSION_DENIED"}}, CHANNEL),
    ("sparkpost", 200, sparkpost(0, rcpt_to_errors=[{"message": "recipient is suppressed"}]),
     PERSON),
    ("sparkpost", 400, {"errors": [{"message": "Invalid domain", "description":
     "Unconfigured Sending Domain", "code": "7001"}]}, CHANNEL),
]  # fmt: skip


@pytest.mark.parametrize(("service", "status", "said", "about"), REFUSED)
def test_a_no_is_told_by_whose_trouble_it_is(
    http_sink: HttpSink, service: str, status: int, said: Any, about: About
) -> None:
    outcome = answered(http_sink, service, status, said)

    assert (outcome.result, outcome.about) == (Result.FAILED, about)


@pytest.mark.parametrize("service", ["azure", "sendpulse"])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_login_is_the_channels_trouble(
    http_sink: HttpSink, service: str, status: int
) -> None:
    """A service that asks for a login before the message answers a wrong one with 400 too."""
    said = b'{"error": "invalid_grant", "error_description": "AADSTS7000215: no such secret"}'
    http_sink.answer(Answer(status=status, body=said))
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]

    outcome = try_once(channel, a_real_letter())

    assert (outcome.result, outcome.about) == (Result.FAILED, CHANNEL)


@pytest.mark.parametrize("service", ["azure", "sendpulse"])
def test_a_login_that_is_never_answered_leaves_nothing_unknown(
    http_sink: HttpSink, service: str
) -> None:
    """The message itself had not left."""
    http_sink.answer(Answer(then=BreakOff.AFTER_REQUEST))
    channel = channels(channel_email=SERVICES[service].url)[ChannelName.EMAIL]

    outcome = try_once(channel, a_real_letter())

    assert (outcome.result, outcome.about) == (Result.FAILED, TRANSPORT)
