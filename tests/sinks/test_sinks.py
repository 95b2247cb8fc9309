"""The sinks answer as configured; other tests rely on it."""

import http.client
import smtplib
from contextlib import closing
from email.message import EmailMessage

import pytest

from tests.eventually import eventually
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.sinks.smtp import SmtpSink

TUTOR = "abebe@tutoring.example"
STUDENT = "tigist@tutoring.example"


def send(sink: SmtpSink, recipient: str, timeout: float = 60) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "worker@tutoring.example", recipient, "ነገ"
    message.set_content("Your session begins in 12 minutes.")
    with smtplib.SMTP(sink.host, sink.port, timeout=timeout) as client:
        client.send_message(message)


def test_a_mail_is_recorded_as_it_came(smtp_sink: SmtpSink) -> None:
    send(smtp_sink, TUTOR)

    [mail] = smtp_sink.mails_to(TUTOR)
    assert (mail.sender, mail.subject, mail.accepted) == ("worker@tutoring.example", "ነገ", True)
    assert mail.text.strip() == "Your session begins in 12 minutes."


def test_one_recipient_is_refused_and_another_served(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient=TUTOR)

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_sink, TUTOR)
    send(smtp_sink, STUDENT)

    assert [mail.recipients for mail in smtp_sink.mails] == [(STUDENT,)]


def test_a_refusal_is_given_as_often_as_told(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("BODY", "450 4.2.0 later", times=1)

    with pytest.raises(smtplib.SMTPDataError):
        send(smtp_sink, TUTOR)
    send(smtp_sink, TUTOR)

    assert [mail.accepted for mail in smtp_sink.mails] == [False, True]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
def test_each_stage_can_refuse(smtp_sink: SmtpSink, stage: str) -> None:
    smtp_sink.reply(stage, "451 4.3.0 not now")

    with pytest.raises(smtplib.SMTPException):
        send(smtp_sink, TUTOR)

    assert smtp_sink.accepted == []


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_each_stage_can_hang_up(smtp_sink: SmtpSink, stage: str) -> None:
    smtp_sink.disconnect(stage)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_sink, TUTOR)


def test_a_mail_whose_answer_never_came_is_recorded(smtp_sink: SmtpSink) -> None:
    smtp_sink.disconnect("BODY", times=1)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_sink, TUTOR)

    [mail] = smtp_sink.mails_to(TUTOR)
    assert not mail.accepted


def test_a_421_is_the_last_word(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("MAIL", "421 4.3.2 shutting down")

    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=60) as client:
        client.ehlo()
        assert client.mail("worker@tutoring.example")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_an_answer_can_come_later_than_the_client_waits(smtp_sink: SmtpSink) -> None:
    smtp_sink.stall("BODY", 30)

    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(smtp_sink, TUTOR, timeout=0.2)


def test_a_login_is_let_in_and_named(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=60) as client:
        client.login("worker", "secret")

    assert smtp_sink.logins == ["worker"]


def test_connections_are_counted(smtp_sink: SmtpSink) -> None:
    send(smtp_sink, TUTOR)
    send(smtp_sink, TUTOR)

    assert smtp_sink.connections == 2


def post(sink: HttpSink, path: str = "/sms", timeout: float = 60) -> http.client.HTTPResponse:
    with closing(http.client.HTTPConnection(sink.host, sink.port, timeout=timeout)) as client:
        client.request("POST", path, b'{"to": "+251911"}')
        answer = client.getresponse()
        answer.read()
        return answer


def test_a_request_is_recorded_as_it_came(http_sink: HttpSink) -> None:
    assert post(http_sink, "/sms?x=1").status == 200

    [request] = http_sink.requests
    assert (request.method, request.path, request.json) == ("POST", "/sms?x=1", {"to": "+251911"})


def test_an_answer_is_given_as_often_as_told(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(429, headers={"Retry-After": "30"}), times=1)

    refused, served = post(http_sink), post(http_sink)

    assert (refused.status, refused.getheader("Retry-After")) == (429, "30")
    assert served.status == 200


def test_an_answer_is_given_to_its_path_alone(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(201), path="/sms")

    assert (post(http_sink, "/sms").status, post(http_sink, "/push").status) == (201, 200)


@pytest.mark.parametrize(
    ("where", "recorded"),
    [(BreakOff.BEFORE_BODY, 0), (BreakOff.AFTER_REQUEST, 1), (BreakOff.IN_ANSWER, 1)],
)
def test_the_line_is_cut_where_told(http_sink: HttpSink, where: BreakOff, recorded: int) -> None:
    http_sink.answer(Answer(then=where))

    with pytest.raises((OSError, http.client.HTTPException)):
        post(http_sink)

    assert len(http_sink.requests) == recorded


def test_a_late_answer_holds_up_no_later_test(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(delay_seconds=600))

    with pytest.raises(TimeoutError):
        post(http_sink, timeout=0.2)
    http_sink.reset()

    eventually(lambda: not http_sink.open)


def test_a_connection_is_kept_alive(http_sink: HttpSink) -> None:
    client = http.client.HTTPConnection(http_sink.host, http_sink.port, timeout=60)
    for _ in range(3):
        client.request("POST", "/sms", b"{}")
        client.getresponse().read()
    client.close()

    assert (len(http_sink.requests), http_sink.connections) == (3, 1)
