"""Mail servers that cannot be reached, are not trusted, or break off where no server should."""

import socket
import time
from pathlib import Path

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Result
from tests.tasks.channels.attempt import (
    FOR_GOOD,
    LATER,
    UNKNOWN,
    a_letter,
    channels,
    said,
    try_once,
)
from tests.tasks.channels.oddities import (
    Behaviour,
    certificate,
    drip_for_a_while,
    has_left,
    mailing,
    never_accepting,
    nobody,
    serving,
)

MEGABYTES = "Your lesson begins at 14:00.\n" * 400_000

UP_TO_RCPT = ("220 here", "250 hello", "250 sender", "250 recipient")
UP_TO_DATA = (*UP_TO_RCPT, "354 go on")


def mail_to(
    port: int, more: str = "", host: str = "127.0.0.1", user: str = "", **settings: str
) -> Channel:
    url = f"mailto://{user}{host}:{port}?from=desk@site.example.et&to={{email}}{more}"
    return channels(channel_email=url, **settings)[ChannelName.EMAIL]


def test_a_name_that_is_not_resolved_fails_for_now() -> None:
    assert said(try_once(mail_to(25, host="mail.invalid"))) == LATER


def test_a_refused_connection_fails_for_now() -> None:
    with nobody() as port:
        outcome = try_once(mail_to(port))

    assert said(outcome) == LATER
    assert outcome.words == "Connection refused"


def test_no_connection_within_the_time_out_fails_for_now() -> None:
    with never_accepting() as port:
        begun = time.monotonic()
        outcome = try_once(mail_to(port, send_timeout="1s"))

    assert (said(outcome), outcome.words) == (LATER, "timed out")
    assert time.monotonic() - begun < 60


def test_a_server_without_tls_fails_for_now() -> None:
    with serving(mailing(*UP_TO_DATA, "250 taken")) as port:
        assert said(try_once(mail_to(port, "&mode=ssl"))) == LATER


def test_a_server_that_offers_no_starttls_gets_nothing() -> None:
    with serving(mailing(*UP_TO_DATA, "250 taken")) as port:
        outcome = try_once(mail_to(port, "&mode=starttls"))

    assert said(outcome) == LATER
    assert "TLS" in outcome.words


@pytest.mark.parametrize("mode", ["ssl", "starttls"])
def test_a_certificate_that_is_not_trusted_fails_for_now(tmp_path: Path, mode: str) -> None:
    with serving(secured(tmp_path, mode)) as port:
        outcome = try_once(mail_to(port, f"&mode={mode}"))

    assert said(outcome) == LATER
    assert "certificate is not trusted" in outcome.words


@pytest.mark.parametrize("mode", ["ssl", "starttls"])
def test_a_certificate_is_not_looked_at_where_the_url_says_so(tmp_path: Path, mode: str) -> None:
    with serving(secured(tmp_path, mode)) as port:
        outcome = try_once(mail_to(port, f"&mode={mode}&verify=no"))

    assert outcome.result is Result.SENT


def test_a_refused_login_fails_for_good_and_says_what_to_check() -> None:
    replies = ("220 here", "250-hello\r\n250 AUTH PLAIN", "535 5.7.8 no")
    with serving(mailing(*replies, "250 sender")) as port:
        outcome = try_once(mail_to(port, user="desk:secret@"))

    assert said(outcome) == FOR_GOOD
    assert outcome.words == "535 5.7.8 no (check the user and password)"


def test_a_login_that_is_refused_for_now_fails_for_now() -> None:
    replies = ("220 here", "250-hello\r\n250 AUTH PLAIN", "454 4.7.0 not now")
    with serving(mailing(*replies)) as port:
        assert said(try_once(mail_to(port, user="desk:secret@"))) == LATER


def test_a_server_that_offers_no_login_fails_for_good() -> None:
    with serving(mailing(*UP_TO_DATA, "250 taken")) as port:
        assert said(try_once(mail_to(port, user="desk:secret@"))) == FOR_GOOD


def test_a_line_cut_within_the_mail_fails_for_now() -> None:
    with serving(cut_within_the_mail) as port:
        outcome = try_once(mail_to(port), a_letter(text=MEGABYTES))

    assert said(outcome) == LATER


def test_a_mail_that_nobody_reads_to_its_end_fails_for_now() -> None:
    with serving(stops_reading) as port:
        outcome = try_once(mail_to(port, send_timeout="1s"), a_letter(text=MEGABYTES))

    assert (said(outcome), outcome.words) == (LATER, "timed out")


def test_an_answer_to_the_final_dot_that_is_no_reply_is_unknown() -> None:
    with serving(mailing(*UP_TO_DATA, "hello there")) as port:
        assert said(try_once(mail_to(port))) == UNKNOWN


def test_a_refused_mail_is_never_followed_by_its_content() -> None:
    """DATA answered 250 is no go-ahead: the mail would be read as commands."""
    with serving(mailing(*UP_TO_RCPT, "250 what?")) as port:
        assert said(try_once(mail_to(port))) == LATER


def test_a_server_that_drips_its_answer_holds_nobody_beyond_the_time_out() -> None:
    with serving(drips_its_greeting) as port:
        begun = time.monotonic()
        outcome = try_once(mail_to(port, send_timeout="1s"))

    assert said(outcome) == LATER
    assert time.monotonic() - begun < 60


def secured(folder: Path, mode: str) -> Behaviour:
    tls = certificate(folder)

    def behave(connection: socket.socket) -> None:
        greeting = "220 here" if mode == "ssl" else ""
        if mode == "starttls":
            answer_lines(connection, "220 here", "250-hello\r\n250 STARTTLS", "220 go")
        with tls.wrap_socket(connection, server_side=True) as secure:
            mailing(greeting, *UP_TO_DATA[1:], "250 taken")(secure)

    return behave


def cut_within_the_mail(connection: socket.socket) -> None:
    answer_lines(connection, *UP_TO_DATA)
    connection.recv(4096)


def stops_reading(connection: socket.socket) -> None:
    answer_lines(connection, *UP_TO_DATA)
    has_left(connection, within=120)


def answer_lines(connection: socket.socket, *replies: str) -> None:
    """Send the replies; the input after the last one is left to the caller."""
    for reply in replies:
        connection.sendall(f"{reply}\r\n".encode())
        if reply != replies[-1]:
            connection.recv(4096)


def drips_its_greeting(connection: socket.socket) -> None:
    connection.sendall(b"220-")
    drip_for_a_while(connection)
