"""A provider's host that vanishes while a message is on its way, or before."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from time import monotonic

import pytest

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Result
from tasks.demo.servers import Workspace
from tests.eventually import eventually
from tests.faults.test_vanished_host import HERE, THERE, Host, host, relay_on
from tests.relay import Relay
from tests.sinks.http import Answer, HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import LATER, UNKNOWN, channels, email_channel, said, try_once

pytestmark = pytest.mark.long

__all__ = ["host"]
# The default, and one that leaves it to the kernel: a provider may answer late.
TIMEOUTS = ("15s", "1m")
GREETING, MAIL, WEBHOOK = 2501, 2502, 8001
# 20 s, and the time that a machine under load needs for its own steps.
GIVEN_UP = 40


@contextmanager
def relays(host: Host, workspace: Workspace, ports: dict[int, int]) -> Iterator[None]:
    """On the host that vanishes: each of its ports leads to one of this machine."""
    with ExitStack() as stack:
        for there, here in ports.items():
            way_out = stack.enter_context(Relay(("127.0.0.1", here), HERE))
            relay_on(host, workspace, f"{HERE}:{way_out.port}", there)
        yield


def mail(port: int, timeout: str) -> Channel:
    url = f"mailto://{THERE}:{port}?from=desk@site.example.et&to={{email}}"
    return channels(channel_email=url, send_timeout=timeout)[ChannelName.EMAIL]


def hook(timeout: str) -> Channel:
    url = f"json://{THERE}:{WEBHOOK}/hook"
    return channels(channel_webhook=url, send_timeout=timeout)[ChannelName.WEBHOOK]


def timed(channel: Channel) -> tuple[tuple[Result, bool], float]:
    """What the try said, and after how many seconds."""
    began = monotonic()
    return said(try_once(channel)), monotonic() - began


@pytest.fixture
def silent() -> Iterator[SmtpSink]:
    """A mail server that does not greet."""
    with SmtpSink() as sink:
        sink.stall("CONNECT", seconds=600)
        yield sink


def test_a_providers_host_that_vanishes_is_given_up_and_others_get_their_messages(
    host: Host, workspace: Workspace, silent: SmtpSink, smtp_sink: SmtpSink, http_sink: HttpSink
) -> None:
    smtp_sink.stall("BODY", seconds=600, recipient="abebe@example.et", times=len(TIMEOUTS))
    http_sink.answer(Answer(delay_seconds=600), times=len(TIMEOUTS))
    ports = {GREETING: silent.port, MAIL: smtp_sink.port, WEBHOOK: http_sink.port}
    stages: dict[str, tuple[Callable[[str], Channel], tuple[Result, bool]]] = {
        "before the greeting": (lambda timeout: mail(GREETING, timeout), LATER),
        "after the final dot": (lambda timeout: mail(MAIL, timeout), UNKNOWN),
        "after the request": (hook, UNKNOWN),
    }
    with relays(host, workspace, ports), ThreadPoolExecutor() as threads:
        begun = {
            (stage, timeout): threads.submit(timed, channel(timeout))
            for timeout in TIMEOUTS
            for stage, (channel, _) in stages.items()
        }
        eventually(lambda: silent.stalled["CONNECT"] == smtp_sink.stalled["BODY"] == len(TIMEOUTS))
        eventually(lambda: len(http_sink.requests) == len(TIMEOUTS))
        host.vanish()
        vanished = monotonic()

        new = {"a new mail": mail(MAIL, "1m"), "a new request": hook("1m")}
        unconnected = {name: threads.submit(timed, channel) for name, channel in new.items()}
        assert said(try_once(email_channel(smtp_sink)))[0] is Result.SENT  # while those wait
        for (stage, timeout), each in begun.items():
            assert each.result()[0] == stages[stage][1], stage
            print(f"measured: {stage}, SEND_TIMEOUT={timeout}: {each.result()[1]:.1f} s")
        for name, each in unconnected.items():
            assert each.result()[0] == LATER, name
            print(f"measured: {name}: {each.result()[1]:.1f} s")
        print(f"measured: all given up: {monotonic() - vanished:.1f} s")
        assert monotonic() - vanished < GIVEN_UP
    assert len(http_sink.requests) == len(TIMEOUTS)  # the new one reached nobody
    assert [each.recipients for each in silent.mails] == []
