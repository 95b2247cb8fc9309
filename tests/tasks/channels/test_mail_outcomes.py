"""What a mail server does, and what becomes of the mail (docs/outcomes.md)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import Outcome, Result
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import (
    AT,
    KEY,
    a_letter,
    a_person,
    channels,
    email_channel,
    try_once,
)

LATER = (Result.FAILED, False)
FOR_GOOD = (Result.FAILED, True)
UNKNOWN = (Result.UNKNOWN, False)


def said(outcome: Outcome) -> tuple[Result, bool]:
    return outcome.result, outcome.final


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


def test_a_batch_goes_over_one_connection(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)

    with channel.open():
        for number in range(5):
            channel.send(a_letter(), a_person(email=f"p{number}@example.et"), KEY, AT)

    assert (len(smtp_sink.accepted), smtp_sink.connections) == (5, 1)


def test_who_is_refused_in_a_batch_is_exact(smtp_sink: SmtpSink) -> None:
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


def test_after_a_421_the_next_mail_begins_a_new_connection(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("BODY", "421 4.3.2 closing", times=1)
    channel = email_channel(smtp_sink)

    with channel.open():
        outcomes = [said(try_once(channel)) for _ in range(2)]

    assert outcomes == [LATER, (Result.SENT, False)]
    assert smtp_sink.connections == 2


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_kept_connection_that_has_died_is_begun_anew_once(
    smtp_sink: SmtpSink, stage: str
) -> None:
    channel = email_channel(smtp_sink)

    with channel.open():
        try_once(channel)
        smtp_sink.disconnect(stage, times=1)
        outcome = try_once(channel)

    assert outcome.result is Result.SENT
    assert (len(smtp_sink.accepted), smtp_sink.connections) == (2, 2)


@pytest.mark.parametrize("status", ["421 4.4.2 idle for too long", "452 4.5.3 enough of you"])
def test_a_kept_connection_that_takes_no_further_mail_is_begun_anew_once(
    smtp_sink: SmtpSink, status: str
) -> None:
    channel = email_channel(smtp_sink)

    with channel.open():
        try_once(channel)
        smtp_sink.reply("MAIL", status, times=1)
        outcome = try_once(channel)

    assert outcome.result is Result.SENT
    assert smtp_sink.connections == 2


def test_a_new_connection_that_takes_no_mail_is_not_begun_anew(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("MAIL", "452 4.5.3 enough of you")
    channel = email_channel(smtp_sink)

    with channel.open():
        outcomes = [said(try_once(channel)) for _ in range(3)]

    assert outcomes == [LATER] * 3
    assert smtp_sink.connections == 1


def test_a_new_connection_that_dies_is_not_begun_anew(smtp_sink: SmtpSink) -> None:
    smtp_sink.disconnect("RCPT", times=1)

    assert said(try_once(email_channel(smtp_sink))) == LATER
    assert smtp_sink.connections == 1


def test_a_mail_that_was_handed_over_is_not_begun_anew(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)

    with channel.open():
        try_once(channel)
        smtp_sink.disconnect("BODY", times=1)
        outcome = try_once(channel)

    assert said(outcome) == UNKNOWN
    assert len(smtp_sink.mails) == 2


def test_without_open_no_connection_is_left_behind(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)

    for _ in range(2):
        try_once(channel)

    assert smtp_sink.connections == 2


def test_threads_that_share_a_channel_have_a_connection_each(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)
    together = Barrier(3)

    def work(number: int) -> list[Result]:
        with channel.open():
            together.wait(5)
            person = a_person(email=f"p{number}@example.et")
            return [channel.send(a_letter(), person, KEY, AT).result for _ in range(5)]

    with ThreadPoolExecutor(3) as threads:
        results = [*threads.map(work, range(3))]

    assert results == [[Result.SENT] * 5] * 3
    assert (len(smtp_sink.accepted), smtp_sink.connections) == (15, 3)


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
