"""Lifetime of a connection to a mail server, and its replacement."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tasks.channels.outcome import Result
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import (
    AT,
    FOR_GOOD,
    KEY,
    LATER,
    UNKNOWN,
    a_letter,
    a_person,
    email_channel,
    said,
    try_once,
)

MOST = "mails_per_connection"


def test_a_batch_goes_over_one_connection(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)

    with channel.open():
        for number in range(5):
            channel.send(a_letter(), a_person(email=f"p{number}@example.et"), KEY, AT)

    assert (len(smtp_sink.accepted), smtp_sink.connections) == (5, 1)


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


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        ("MAIL", "421 4.4.2 idle for too long"),
        ("MAIL", "452 4.5.3 enough of you"),
        ("MAIL", "450 4.7.1 enough of you"),
        ("RCPT", "421 4.7.0 too many on this connection"),
        ("RCPT", "452 4.5.3 too many on this connection"),
        ("DATA", "421 4.7.0 too many on this connection"),
        ("DATA", "452 4.3.1 too many on this connection"),
        ("BODY", "421 4.7.0 too many on this connection"),
    ],
)
def test_a_kept_connection_that_takes_no_further_mail_is_begun_anew_once(
    smtp_sink: SmtpSink, stage: str, status: str
) -> None:
    channel = email_channel(smtp_sink)

    with channel.open():
        try_once(channel)
        smtp_sink.reply(stage, status, times=1)
        outcome = try_once(channel)

    assert outcome.result is Result.SENT
    assert (len(smtp_sink.accepted), smtp_sink.connections) == (2, 2)


def test_a_greylisted_person_is_not_tried_twice_at_once(smtp_sink: SmtpSink) -> None:
    """Greylisting says nothing about the connection."""
    channel = email_channel(smtp_sink)

    with channel.open():
        try_once(channel)
        smtp_sink.reply("RCPT", "450 4.2.0 greylisted", times=1)
        outcome = try_once(channel)

    assert (said(outcome), smtp_sink.connections) == (LATER, 1)


def test_no_try_fails_where_a_server_takes_so_many_recipients_of_a_connection(
    smtp_sink: SmtpSink,
) -> None:
    channel = email_channel(smtp_sink, mails_per_connection=100)
    outcomes = []

    with channel.open():
        for number in range(12):
            if number % 5 == 4:
                smtp_sink.reply("RCPT", "452 4.5.3 on this connection", times=1)
            person = a_person(email=f"p{number}@example.et")
            outcomes.append(channel.send(a_letter(), person, KEY, AT).result)

    assert outcomes == [Result.SENT] * 12
    assert smtp_sink.connections == 3


@pytest.mark.parametrize(("changed", "connections"), [({}, 3), ({MOST: 7}, 4), ({MOST: 25}, 1)])
def test_a_connection_takes_so_many_mails_and_then_another_is_begun(
    smtp_sink: SmtpSink, changed: dict[str, Any], connections: int
) -> None:
    """Exim queues what comes on a connection after the tenth (smtp_accept_queue_per_connection)."""
    channel = email_channel(smtp_sink, **changed)

    with channel.open():
        outcomes = [try_once(channel).result for _ in range(25)]

    assert outcomes == [Result.SENT] * 25
    assert smtp_sink.connections == connections


def test_after_a_few_refusals_in_a_row_another_connection_is_begun(smtp_sink: SmtpSink) -> None:
    """Postfix answers a second late from the tenth on (smtpd_soft_error_limit)."""
    smtp_sink.reply("RCPT", "550 5.1.1 no such user")
    channel = email_channel(smtp_sink)

    with channel.open():
        outcomes = [said(try_once(channel)) for _ in range(12)]

    assert outcomes == [FOR_GOOD] * 12
    assert smtp_sink.connections == 3


def test_refusals_with_an_accepted_mail_between_them_end_no_connection(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient="gone@example.et")
    channel = email_channel(smtp_sink)

    with channel.open():
        for number in range(14):
            address = f"p{number}@example.et" if number % 4 == 3 else "gone@example.et"
            channel.send(a_letter(), a_person(email=address), KEY, AT)

    assert smtp_sink.connections == 1


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


def test_a_mail_outside_of_a_batch_leaves_no_connection_open(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)

    for _ in range(2):
        try_once(channel)

    assert smtp_sink.connections == 2


def test_threads_that_share_a_channel_have_a_connection_each(smtp_sink: SmtpSink) -> None:
    channel = email_channel(smtp_sink)
    together = Barrier(3)

    def work(number: int) -> list[Result]:
        with channel.open():
            together.wait(60)
            person = a_person(email=f"p{number}@example.et")
            return [channel.send(a_letter(), person, KEY, AT).result for _ in range(5)]

    with ThreadPoolExecutor(3) as threads:
        results = [*threads.map(work, range(3))]

    assert results == [[Result.SENT] * 5] * 3
    assert (len(smtp_sink.accepted), smtp_sink.connections) == (15, 3)
