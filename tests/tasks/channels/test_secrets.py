"""A channel's secrets: they decide alone how it logs in, and the log never holds them."""

import io
from pathlib import Path

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import Result
from tests.sinks.http import Answer, HttpSink
from tests.tasks.channels.attempt import a_person, channels, try_once
from tests.tasks.channels.oddities import answering, serving

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
