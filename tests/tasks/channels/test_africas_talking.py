"""Africa's Talking through Apprise's plugin: it answers 201 also where it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from apprise.plugins.africas_talking import NotifyAfricasTalking

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Result
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


class TestAfricasTalking:
    @pytest.fixture
    def sms_with(
        self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., Channel]:
        there = dict.fromkeys(NotifyAfricasTalking.notify_url, f"{http_sink.url}/messaging")
        monkeypatch.setattr(NotifyAfricasTalking, "notify_url", there)
        url = "atalk://tutoring@apikey0123456789/{phone}?from=TUTOR"
        return lambda **settings: channels(channel_sms=url, **settings)[ChannelName.SMS]

    @pytest.fixture
    def sms(self, sms_with: Callable[..., Channel]) -> Channel:
        return sms_with()

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
        assert outcome.words == f"201 {status} ({code})"

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
        self, sms_with: Callable[..., Channel], http_sink: HttpSink
    ) -> None:
        http_sink.answer(replace(sms_answer(101, "Success"), delay_seconds=600))

        assert said(try_once(sms_with(send_timeout="1s"))) == UNKNOWN
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
