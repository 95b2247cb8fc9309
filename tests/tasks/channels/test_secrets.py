"""A channel's secrets: only they decide its login, and the log never has them."""

import io
from pathlib import Path

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Result
from tests.sinks.http import Answer, HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import a_person, channels, try_once
from tests.tasks.channels.mail_services import a_real_letter
from tests.tasks.channels.oddities import answering, serving
from tests.tasks.channels.unpacking import everything_in

BOT = "123456789:abcdefghijklmnopqrstuvwxyzABCDEFGHI"
CHAT = {ChannelName.TELEGRAM: "424242"}


@pytest.fixture
def netrc(http_sink: HttpSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login of somebody's on this machine, for every host."""
    file = tmp_path / "netrc"
    file.write_text(f"machine {http_sink.host} login somebody password theirs\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize(
    ("scheme", "more", "header"),
    [
        ("json", "", None),
        ("form", "", None),
        ("xml", "", None),
        ("json", "?+Authorization=Bearer%20ours", "Bearer ours"),
        ("ntfy", "topic?token=tk_ours", "Bearer tk_ours"),
    ],
)
def test_a_netrc_on_the_machine_is_not_used(
    http_sink: HttpSink, scheme: str, more: str, header: str | None
) -> None:
    url = f"{scheme}://{http_sink.host}:{http_sink.port}/{more}"

    try_once(channels(channel_push=url)[ChannelName.PUSH])

    (request,) = http_sink.requests
    assert request.headers.get("authorization") == header


@pytest.mark.usefixtures("internet")
def test_the_log_at_debug_holds_no_part_of_a_channels_url(
    http_sink: HttpSink, log: io.StringIO
) -> None:
    http_sink.answer(Answer(body=b'{"ok": true, "result": {}}'))
    channel = channels(channel_telegram=f"tgram://{BOT}/{{telegram}}/")[ChannelName.TELEGRAM]

    outcome = try_once(channel, person=a_person(addresses=CHAT))

    assert outcome.result is Result.SENT
    assert http_sink.requests[0].path.startswith(f"/bot{BOT}/")
    assert BOT.partition(":")[2] not in log.getvalue()


def test_an_answer_with_a_broken_head_puts_no_address_into_the_log(
    log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """urllib3 warns of one with the whole address."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n no name\r\n: nothing\r\n\r\n{}"
    with serving(answering(head)) as port:
        url = f"json://127.0.0.1:{port}/token-5f0c2f52"
        try_once(channels(channel_webhook=url)[ChannelName.WEBHOOK])

    assert "5f0c2f52" not in log.getvalue() + "".join(capfd.readouterr())


LOGIN = "apikeyuser", "s3cretpass"


def by_smtp(sink: SmtpSink) -> Channel:
    user, password = LOGIN
    more = "?from=desk@school.example&reply=office@school.example&to={email}"
    url = f"mailto://{user}:{password}@{sink.host}:{sink.port}{more}"
    return channels(channel_email=url)[ChannelName.EMAIL]


def test_a_mail_holds_nothing_of_the_login(smtp_sink: SmtpSink, log: io.StringIO) -> None:
    assert try_once(by_smtp(smtp_sink), a_real_letter()).result is Result.SENT

    there = everything_in(smtp_sink.accepted[0].content) + log.getvalue()
    assert smtp_sink.logins == ["apikeyuser"]
    assert [secret for secret in LOGIN if secret in there] == []


def test_a_login_that_the_server_repeats_is_left_out_of_its_words(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("MAIL", f"550 5.7.1 {' '.join(LOGIN)} may not write")

    words = try_once(by_smtp(smtp_sink)).words

    assert words == "550 5.7.1 … … may not write (check the sender's address)"
