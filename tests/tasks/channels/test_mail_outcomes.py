"""Outcomes of mails by the mail server's behaviour (docs/outcomes.md)."""

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import About, Result
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import (
    AT,
    FOR_GOOD,
    KEY,
    LATER,
    UNKNOWN,
    a_letter,
    a_person,
    channels,
    email_channel,
    said,
    try_once,
)


def test_an_accepted_mail_is_sent_to_its_person_alone(smtp_sink: SmtpSink) -> None:
    outcome = try_once(email_channel(smtp_sink))

    assert said(outcome) == (Result.SENT, False)
    assert [mail.recipients for mail in smtp_sink.accepted] == [("abebe@example.et",)]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("status", ["421 4.3.2 closing", "450 4.2.1 try later", "451 4.3.0 error"])
def test_a_4xx_at_any_stage_fails_for_now(smtp_sink: SmtpSink, stage: str, status: str) -> None:
    smtp_sink.reply(stage, status)

    outcome = try_once(email_channel(smtp_sink))

    assert said(outcome) == LATER
    assert outcome.words == status
    assert smtp_sink.accepted == []


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("status", ["550 5.1.1 no such user", "552 5.2.2 mailbox full"])
def test_a_5xx_at_any_stage_fails_for_good(smtp_sink: SmtpSink, stage: str, status: str) -> None:
    smtp_sink.reply(stage, status)

    outcome = try_once(email_channel(smtp_sink))

    assert said(outcome) == FOR_GOOD
    assert outcome.words.startswith(status)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_line_cut_before_the_final_dot_fails_for_now(smtp_sink: SmtpSink, stage: str) -> None:
    smtp_sink.disconnect(stage)

    assert said(try_once(email_channel(smtp_sink))) == LATER


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_silence_before_the_final_dot_fails_for_now(smtp_sink: SmtpSink, stage: str) -> None:
    smtp_sink.stall(stage, seconds=30)

    outcome = try_once(email_channel(smtp_sink, send_timeout="1s"))

    assert said(outcome) == LATER
    assert outcome.words == "timed out"


def test_a_line_cut_after_the_final_dot_is_unknown(smtp_sink: SmtpSink) -> None:
    smtp_sink.disconnect("BODY")

    assert said(try_once(email_channel(smtp_sink))) == UNKNOWN
    assert len(smtp_sink.mails) == 1


def test_an_answer_to_the_final_dot_later_than_the_time_out_is_unknown(smtp_sink: SmtpSink) -> None:
    smtp_sink.stall("BODY", seconds=30)

    outcome = try_once(email_channel(smtp_sink, send_timeout="1s"))

    assert said(outcome) == UNKNOWN
    assert outcome.words == "timed out"


@pytest.mark.parametrize("status", ["354 more please", "999 what"])
def test_an_answer_to_the_final_dot_that_is_neither_yes_nor_no_is_unknown(
    smtp_sink: SmtpSink, status: str
) -> None:
    smtp_sink.reply("BODY", status)

    assert said(try_once(email_channel(smtp_sink))) == UNKNOWN


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        ("CONNECT", "554 5.3.2 not here"),
        ("CONNECT", "421 4.3.2 too busy"),
        ("EHLO", "421 4.3.2 too busy"),
    ],
)
def test_a_server_that_turns_us_away_fails_for_now(
    smtp_sink: SmtpSink, stage: str, status: str
) -> None:
    smtp_sink.reply(stage, status)

    assert said(try_once(email_channel(smtp_sink))) == LATER


def test_a_refused_copy_does_not_fail_the_mail(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient="archive@site.example.et")
    channel = email_channel(smtp_sink, "&bcc=archive@site.example.et")

    outcome = try_once(channel)

    assert said(outcome) == (Result.SENT, False)
    assert outcome.words == "250 OK; a copy was refused"
    assert smtp_sink.accepted[0].recipients == ("abebe@example.et",)


def test_nobody_gets_a_copy_of_a_mail_whose_person_is_refused(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient="abebe@example.et")

    try_once(email_channel(smtp_sink, "&bcc=archive@site.example.et"))

    assert smtp_sink.mails == []


def test_in_a_batch_exactly_the_refused_recipients_fail(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient="p1@example.et")
    smtp_sink.reply("BODY", "452 4.3.1 full", recipient="p3@example.et")
    channel = email_channel(smtp_sink)

    with channel.open():
        outcomes = [
            said(channel.send(a_letter(), a_person(email=f"p{number}@example.et"), KEY, AT))
            for number in range(5)
        ]

    sent = (Result.SENT, False)
    assert outcomes == [sent, FOR_GOOD, sent, LATER, sent]
    assert smtp_sink.connections == 1


@pytest.mark.parametrize(
    ("stage", "status", "about"),
    [
        ("MAIL", "550 5.1.8 domain of sender not found", About.CHANNEL),
        ("MAIL", "450 4.7.1 later", About.TRANSPORT),
        ("RCPT", "550 5.1.1 no such user", About.PERSON),
        ("RCPT", "550 no such user", About.PERSON),
        ("RCPT", "552 5.2.2 full", About.PERSON),
        ("RCPT", "554 5.7.1 <x>: Relay access denied", About.CHANNEL),
        ("RCPT", "550-5.7.1 Client host blocked\r\n550 5.7.1 see a list", About.CHANNEL),
        ("RCPT", "553 5.1.8 sender refused", About.CHANNEL),
        ("RCPT", "530 authentication required", About.CHANNEL),
        ("RCPT", "550 relay not permitted", About.CHANNEL),  # Exim
        ("RCPT", "550 authentication required", About.CHANNEL),  # Exim
        ("RCPT", "550 Sender verify failed", About.CHANNEL),  # Exim
        ("RCPT", "513 Relaying denied.", About.CHANNEL),  # Courier
        ("RCPT", "553 not in my list of allowed rcpthosts (#5.7.1)", About.CHANNEL),  # qmail
        ("RCPT", "550 sorry, no mailbox here by that name. (#5.1.1)", About.PERSON),  # qmail
        ("RCPT", "550 5.1.1 relay@ has no mailbox", About.PERSON),
        ("RCPT", "550 <sender@relay.example>: user unknown", About.PERSON),
        ("RCPT", "550 Invalid recipient", About.PERSON),  # OpenSMTPD
        ("RCPT", "452 4.2.2 mailbox full", About.PERSON),
        ("RCPT", "450 4.2.1 receiving mail too quickly", About.PERSON),
        ("RCPT", "450 4.2.0 greylisted", About.LATER),
        ("RCPT", "451 4.7.1 greylisted", About.LATER),
        ("RCPT", "452 4.5.3 too many", About.LATER),
        ("RCPT", "421 4.3.2 closing", About.TRANSPORT),
        ("DATA", "554 5.5.1 no", About.MESSAGE),
        ("DATA", "421 4.3.2 closing", About.TRANSPORT),
        ("BODY", "554 5.7.1 reads like spam", About.MESSAGE),
        ("BODY", "550 5.7.26 unauthenticated", About.CHANNEL),
        ("BODY", "550 5.1.1 no such user", About.PERSON),
        ("BODY", "550 5.1.8 no such sender", About.MESSAGE),
        ("BODY", "452 4.3.1 later", About.LATER),
        ("BODY", "421 4.3.2 closing", About.TRANSPORT),
    ],
)
def test_whose_trouble_a_refusal_is(
    smtp_sink: SmtpSink, stage: str, status: str, about: About
) -> None:
    smtp_sink.reply(stage, status)

    assert try_once(email_channel(smtp_sink)).about is about


def test_a_repeat_is_the_same_mail_to_the_byte(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)
    letter = a_letter(html="<p>At 14:00</p>")

    for _ in range(2):
        try_once(channel, letter)

    first, second = smtp_sink.accepted
    assert first.content == second.content


def test_the_key_and_the_instant_give_message_id_and_date(smtp_sink: SmtpSink) -> None:
    try_once(email_channel(smtp_sink))

    message = smtp_sink.accepted[0].message
    assert message["Message-ID"] == f"<{KEY}@site.example.et>"
    assert message["Date"] == "Tue, 01 Dec 2026 07:30:00 +0000"


def test_the_login_is_made_with_the_urls_user(smtp_sink: SmtpSink) -> None:
    url = f"mailto://desk:secret@{smtp_sink.host}:{smtp_sink.port}?from=a@b.example&to={{email}}"
    channel = channels(channel_email=url)[ChannelName.EMAIL]

    assert try_once(channel).result is Result.SENT
    assert smtp_sink.logins == ["desk"]
