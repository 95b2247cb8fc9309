"""Outcomes of messages by the service's answer (docs/outcomes.md)."""

import socket
from datetime import timedelta

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import About, Result
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.attempt import (
    AT,
    FOR_GOOD,
    KEY,
    LATER,
    SENT,
    UNKNOWN,
    a_letter,
    a_person,
    channels,
    said,
    try_once,
    webhook,
)
from tests.tasks.channels.oddities import Behaviour, read_request, serving


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, SENT),
        (201, SENT),
        (202, SENT),
        (204, SENT),
        (301, FOR_GOOD),
        (302, FOR_GOOD),
        (303, UNKNOWN),
        (307, FOR_GOOD),
        (308, FOR_GOOD),
        (400, FOR_GOOD),
        (401, FOR_GOOD),
        (402, LATER),
        (403, FOR_GOOD),
        (404, FOR_GOOD),
        (407, FOR_GOOD),
        (408, LATER),
        (409, LATER),
        (410, FOR_GOOD),
        (413, FOR_GOOD),
        (421, LATER),
        (422, FOR_GOOD),
        (425, LATER),
        (429, LATER),
        (500, UNKNOWN),
        (502, UNKNOWN),
        (503, UNKNOWN),
        (504, UNKNOWN),
        (524, UNKNOWN),
        (599, UNKNOWN),
    ],
)
def test_the_status_decides(
    http_sink: HttpSink, status: int, expected: tuple[Result, bool]
) -> None:
    http_sink.answer(Answer(status=status))

    outcome = try_once(webhook(http_sink))

    assert said(outcome) == expected
    assert outcome.words.startswith(str(status))
    assert len(http_sink.requests) == 1


def test_a_redirect_is_not_followed(http_sink: HttpSink) -> None:
    http_sink.answer(
        Answer(status=307, headers={"Location": f"{http_sink.url}/elsewhere"}), path="/hook"
    )

    try_once(webhook(http_sink))

    assert [request.path for request in http_sink.requests] == ["/hook"]


def test_a_url_that_asks_for_redirects_does_not_get_them(http_sink: HttpSink) -> None:
    http_sink.answer(
        Answer(status=302, headers={"Location": f"{http_sink.url}/elsewhere"}), path="/hook"
    )

    try_once(webhook(http_sink, "/hook?redirect=yes"))

    assert [request.path for request in http_sink.requests] == ["/hook"]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_say_what_to_check(http_sink: HttpSink, status: int) -> None:
    http_sink.answer(Answer(status=status))

    assert "check the credentials" in try_once(webhook(http_sink)).words


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_the_wait(http_sink: HttpSink, status: int) -> None:
    http_sink.answer(Answer(status=status, headers={"Retry-After": "90"}))

    assert try_once(webhook(http_sink)).wait == timedelta(seconds=90)


@pytest.mark.parametrize("nonsense", ["soon", "-5", "", "1e9", "Tue, 99 Foo 2026"])
def test_a_retry_after_that_cannot_be_read_is_none(http_sink: HttpSink, nonsense: str) -> None:
    http_sink.answer(Answer(status=429, headers={"Retry-After": nonsense}))

    outcome = try_once(webhook(http_sink))

    assert (said(outcome), outcome.wait) == (LATER, None)


def test_a_monstrous_retry_after_is_a_week_at_most(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(status=429, headers={"Retry-After": "9" * 40}))

    assert try_once(webhook(http_sink)).wait == timedelta(days=7)


def test_a_retry_after_beside_another_status_is_no_wait(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(status=500, headers={"Retry-After": "90"}))

    assert try_once(webhook(http_sink)).wait is None


def test_no_answer_within_the_time_out_is_unknown(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(delay_seconds=600))

    assert said(try_once(webhook(http_sink, send_timeout="1s"))) == UNKNOWN
    assert len(http_sink.requests) == 1


def test_a_line_cut_after_the_request_is_unknown(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(then=BreakOff.AFTER_REQUEST))

    assert said(try_once(webhook(http_sink))) == UNKNOWN


def test_a_webhooks_2xx_counts_though_its_body_breaks_off(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(body=b"x" * 1000, then=BreakOff.IN_ANSWER))

    assert said(try_once(webhook(http_sink))) == SENT


def test_a_refusal_counts_though_its_body_breaks_off(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(status=404, body=b"x" * 1000, then=BreakOff.IN_ANSWER))

    assert said(try_once(webhook(http_sink))) == FOR_GOOD


def test_a_batch_goes_over_one_connection(http_sink: HttpSink) -> None:
    channel = webhook(http_sink)

    with channel.open():
        for _ in range(5):
            try_once(channel)

    assert (len(http_sink.requests), http_sink.connections) == (5, 1)


@pytest.mark.parametrize(
    ("status", "about"),
    [
        (401, About.CHANNEL),
        (402, About.CHANNEL),
        (403, About.CHANNEL),
        (307, About.CHANNEL),
        (407, About.CHANNEL),
        (400, About.MESSAGE),
        (404, About.MESSAGE),
        (408, About.LATER),
        (409, About.LATER),
        (421, About.LATER),
        (423, About.LATER),
        (425, About.LATER),
        (429, About.BUSY),
        (500, About.TRANSPORT),
        (503, About.TRANSPORT),
    ],
)
def test_the_status_tells_whose_trouble_it_is(
    http_sink: HttpSink, status: int, about: About
) -> None:
    http_sink.answer(Answer(status=status))

    assert try_once(webhook(http_sink)).about is about


def test_a_proxy_that_has_handed_the_message_on_says_502_and_it_is_unknown() -> None:
    """The service reads the whole request and closes; a proxy before it says so in its words."""
    read: list[bytes] = []
    with (
        serving(lambda connection: read.append(read_request(connection))) as service,
        serving(
            forwarding(service, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        ) as port,
    ):
        url = f"json://127.0.0.1:{port}/sms?:to={{phone}}"
        outcome = try_once(channels(channel_sms=url)[ChannelName.SMS])

    assert b"251911223344" in read[0]
    assert said(outcome) == UNKNOWN


def forwarding(behind: int, on_a_cut: bytes) -> Behaviour:
    """A proxy to one port, which answers with these bytes where it gets no answer."""

    def behave(connection: socket.socket) -> None:
        request = read_request(connection)
        with socket.create_connection(("127.0.0.1", behind)) as onward:
            onward.sendall(request)
            connection.sendall(onward.recv(65536) or on_a_cut)

    return behave


def test_only_a_url_that_asks_for_it_sends_an_idempotency_key(http_sink: HttpSink) -> None:
    """Go's servers and proxies repeat a POST by themselves where it bears one."""
    for more in ("", "?+Idempotency-Key={key}"):
        try_once(webhook(http_sink, f"/hook{more}"))

    assert [each.headers.get("idempotency-key") for each in http_sink.requests] == [None, str(KEY)]


def test_the_key_and_the_instant_go_with_each_try(http_sink: HttpSink) -> None:
    channel = webhook(http_sink, "/hook?+Idempotency-Key={key}")

    for _ in range(2):
        try_once(channel)

    marks = [
        (request.headers["idempotency-key"], request.headers["x-message-date"])
        for request in http_sink.requests
    ]
    assert marks == [(str(KEY), AT.isoformat())] * 2


def test_the_urls_own_headers_and_fields_are_sent(http_sink: HttpSink) -> None:
    channel = webhook(
        http_sink, "/hook?+X-Token=s3cret&:person={person_id}&:id={key}&:message=text"
    )

    channel.send(a_letter(), a_person(person_id=42), KEY, AT)

    [request] = http_sink.requests
    assert request.headers["x-token"] == "s3cret"
    assert request.json["person"] == "42"
    assert request.json["id"] == str(KEY)
    assert request.json["text"] == a_letter().text


def test_a_webhook_gets_the_facts_as_data(http_sink: HttpSink) -> None:
    letter = a_letter(data={"kind": "alarm", "deliveries": [41, 42]})

    webhook(http_sink).send(letter, a_person(), KEY, AT)

    [request] = http_sink.requests
    assert request.json["data"] == {"kind": "alarm", "deliveries": [41, 42]}


def test_the_channels_name_decides_and_not_the_scheme(http_sink: HttpSink) -> None:
    url = f"json://{http_sink.host}:{http_sink.port}/sms?:to={{phone}}"
    sms: Channel = channels(channel_sms=url)[ChannelName.SMS]

    landline = sms.send(a_letter(), a_person(phone="0111234567"), KEY, AT)
    mobile = sms.send(a_letter(), a_person(phone="0911223344"), KEY, AT)

    assert (landline.words, said(mobile)) == ("landline", SENT)
    assert [request.json["to"] for request in http_sink.requests] == ["+251911223344"]


def test_an_sms_has_its_text_alone(http_sink: HttpSink) -> None:
    url = f"json://{http_sink.host}:{http_sink.port}/sms?:to={{phone}}"

    try_once(channels(channel_sms=url)[ChannelName.SMS], a_letter(title="A title"))

    assert http_sink.requests[0].json["title"] == ""


@pytest.mark.parametrize(("more", "body"), [("", "In text."), ("&format=html", "<p>In HTML.</p>")])
def test_a_mail_gateway_by_json_gets_the_text_unless_it_asks_for_html(
    http_sink: HttpSink, more: str, body: str
) -> None:
    url = f"json://{http_sink.host}:{http_sink.port}/mail?:to={{email}}{more}"
    channel = channels(channel_email=url)[ChannelName.EMAIL]

    try_once(channel, a_letter(text="In text.", html="<p>In HTML.</p>"))

    assert http_sink.requests[0].json["message"] == body


def test_outside_a_channel_requests_is_left_as_it_was(http_sink: HttpSink) -> None:
    import requests

    http_sink.answer(
        Answer(status=302, headers={"Location": f"{http_sink.url}/elsewhere"}), path="/start"
    )

    answer = requests.get(f"{http_sink.url}/start", timeout=60)

    assert (answer.status_code, answer.url) == (200, f"{http_sink.url}/elsewhere")


def test_of_requests_itself_nothing_is_replaced(http_sink: HttpSink) -> None:
    import requests

    try_once(webhook(http_sink))

    assert requests.Session.request.__module__ == "requests.sessions"
    assert requests.post.__module__ == "requests.api"
