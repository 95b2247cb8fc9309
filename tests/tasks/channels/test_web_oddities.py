"""Services that cannot be reached, are not trusted, or break off where no service should."""

import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.tasks.channels.attempt import (
    LATER,
    SENT,
    UNKNOWN,
    a_letter,
    channels,
    said,
    try_once,
)
from tests.tasks.channels.oddities import (
    Behaviour,
    answering,
    certificate,
    drip_for_a_while,
    has_left,
    never_accepting,
    nobody,
    read_request,
    serving,
)

MEGABYTES = "Your lesson begins at 14:00.\n" * 400_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def hook_at(
    port: int, scheme: str = "json", host: str = "127.0.0.1", more: str = "", **settings: str
) -> Channel:
    url = f"{scheme}://{host}:{port}/hook{more}"
    return channels(channel_webhook=url, **settings)[ChannelName.WEBHOOK]


def test_a_name_that_is_not_resolved_fails_for_now() -> None:
    assert said(try_once(hook_at(80, host="hook.invalid"))) == LATER


def test_a_refused_connection_fails_for_now() -> None:
    with nobody() as port:
        outcome = try_once(hook_at(port))

    assert (said(outcome), outcome.words) == (LATER, "127.0.0.1: Connection refused")


def test_no_connection_within_the_time_out_fails_for_now() -> None:
    with never_accepting() as port:
        begun = time.monotonic()
        outcome = try_once(hook_at(port, send_timeout="1s"))

    assert (said(outcome), outcome.words) == (LATER, "127.0.0.1: timed out")
    assert time.monotonic() - begun < 60


def test_a_service_without_tls_fails_for_now() -> None:
    with serving(lambda connection: connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")) as port:
        assert said(try_once(hook_at(port, "jsons"))) == LATER


def test_a_line_cut_while_tls_is_agreed_on_fails_for_now() -> None:
    with serving(lambda connection: None) as port:
        assert said(try_once(hook_at(port, "jsons"))) == LATER


def test_a_silence_while_tls_is_agreed_on_fails_for_now() -> None:
    with serving(stay_silent) as port:
        assert said(try_once(hook_at(port, "jsons", send_timeout="1s"))) == LATER


def test_a_certificate_that_is_not_trusted_fails_for_now(tmp_path: Path) -> None:
    with serving(secured(tmp_path)) as port:
        outcome = try_once(hook_at(port, "jsons"))

    assert said(outcome) == LATER
    assert "certificate is not trusted" in outcome.words


def test_a_certificate_is_not_looked_at_where_the_url_says_so(tmp_path: Path) -> None:
    with serving(secured(tmp_path)) as port:
        assert said(try_once(hook_at(port, "jsons", more="?verify=no"))) == SENT


def test_a_line_cut_before_the_request_had_left_fails_for_now() -> None:
    with serving(lambda connection: bytes_of(connection, 4096)) as port:
        outcome = try_once(hook_at(port), a_letter(text=MEGABYTES))

    assert said(outcome) == LATER


def test_a_request_that_nobody_reads_to_its_end_fails_for_now() -> None:
    with serving(stay_silent) as port:
        outcome = try_once(hook_at(port, send_timeout="1s"), a_letter(text=MEGABYTES))

    assert (said(outcome), outcome.words) == (LATER, "127.0.0.1: timed out")


def test_an_answer_that_is_no_http_is_unknown() -> None:
    with serving(answering(b"hello there\r\n\r\n")) as port:
        assert said(try_once(hook_at(port))) == UNKNOWN


def test_a_line_cut_within_the_answers_head_is_unknown() -> None:
    with serving(answering(b"HTTP/1.1 20")) as port:
        assert said(try_once(hook_at(port))) == UNKNOWN


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 "])
def test_a_service_that_drips_its_head_holds_nobody_beyond_the_time_out(first: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(first)
        drip_for_a_while(connection)

    with serving(drip) as port:
        begun = time.monotonic()
        outcome = try_once(hook_at(port, send_timeout="1s"))

    assert said(outcome) == UNKNOWN
    assert time.monotonic() - begun < 60


def test_a_body_that_never_ends_is_not_read_for_ever() -> None:
    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        ends = time.monotonic() + 120
        while time.monotonic() < ends:
            connection.sendall(b"x" * 65536)

    with serving(pour) as port:
        begun = time.monotonic()
        outcome = try_once(hook_at(port, send_timeout="1s"))

    assert said(outcome) == SENT
    assert time.monotonic() - begun < 60


def test_a_continue_is_not_the_answer() -> None:
    with serving(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)) as port:
        assert said(try_once(hook_at(port))) == SENT


def test_retry_after_as_a_date_is_taken_against_the_answers_own() -> None:
    head = b"HTTP/1.1 429 Slow\r\nDate: Tue, 01 Dec 2026 08:00:00 GMT\r\n"
    with serving(
        answering(head + b"Retry-After: Tue, 01 Dec 2026 08:02:00 GMT\r\nContent-Length: 0\r\n\r\n")
    ) as port:
        assert try_once(hook_at(port)).wait == timedelta(minutes=2)


def test_a_kept_connection_that_the_service_closed_is_begun_anew(http_sink: HttpSink) -> None:
    channel = hook_at(http_sink.port)

    with channel.open():
        try_once(channel)
        http_sink.reset()
        outcome = try_once(channel)

    assert said(outcome) == SENT
    assert len(http_sink.requests) == 1


class TestBehindAProxy:
    """urllib3 calls whatever goes wrong here "Unable to connect to proxy"."""

    @pytest.fixture(autouse=True)
    def proxy(self, monkeypatch: pytest.MonkeyPatch, http_sink: HttpSink) -> None:
        monkeypatch.setenv("http_proxy", http_sink.url)
        monkeypatch.setenv("https_proxy", http_sink.url)
        monkeypatch.setenv("no_proxy", "")

    def test_a_message_goes_through_it(self, http_sink: HttpSink) -> None:
        outcome = try_once(hook_at(80, host="hook.example"))

        assert said(outcome) == SENT
        assert [request.path for request in http_sink.requests] == ["http://hook.example:80/hook"]

    def test_a_line_cut_after_the_request_is_unknown(self, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(then=BreakOff.AFTER_REQUEST))

        assert said(try_once(hook_at(80, host="hook.example"))) == UNKNOWN

    def test_no_answer_within_the_time_out_is_unknown(self, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(delay_seconds=600))

        impatient = hook_at(80, host="hook.example", send_timeout="1s")
        assert said(try_once(impatient)) == UNKNOWN

    def test_a_gateway_that_got_no_answer_is_unknown(self, http_sink: HttpSink) -> None:
        http_sink.answer(Answer(status=504))

        assert said(try_once(hook_at(80, host="hook.example"))) == UNKNOWN

    def test_a_refused_way_fails_for_now(self, http_sink: HttpSink) -> None:
        """The sink knows no CONNECT, so it answers 501."""
        assert said(try_once(hook_at(443, "jsons", host="hook.example"))) == LATER

    def test_a_proxy_that_is_gone_fails_for_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with nobody() as port:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            assert said(try_once(hook_at(80, host="hook.example"))) == LATER

    def test_a_proxy_whose_name_is_not_resolved_fails_for_now(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")

        assert said(try_once(hook_at(80, host="hook.example"))) == LATER

    def test_a_line_cut_within_the_tunnel_after_the_request_is_unknown(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with serving(tunnelling(tmp_path)) as port:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
            outcome = try_once(hook_at(443, "jsons", host="hook.example", more="?verify=no"))

        assert said(outcome) == UNKNOWN


def secured(folder: Path) -> Behaviour:
    tls = certificate(folder)

    def behave(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as secure:
            answering(OK)(secure)

    return behave


def tunnelling(folder: Path) -> Behaviour:
    tls = certificate(folder)

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as secure:
            read_request(secure)

    return behave


def stay_silent(connection: socket.socket) -> None:
    has_left(connection, within=120)


def bytes_of(connection: socket.socket, count: int) -> None:
    connection.recv(count)
