"""Real proxies, in front of a service or beside the worker: their answers in place of one that
never came (docs/decisions/0034)."""

import re
from pathlib import Path

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import Outcome, Result
from tasks.demo.servers import Workspace
from tests.eventually import eventually
from tests.sinks.http import Answer, BreakOff, HttpSink
from tests.sinks.proxies import KINDS, Stands, proxy
from tests.tasks.channels.attempt import channels, try_once

PAGE = Path(__file__).parents[3] / "docs" / "decisions" / "0034-a-proxys-word.md"
CUT = Answer(then=BreakOff.AFTER_REQUEST)
SLOW = Answer(delay_seconds=30)


@pytest.mark.parametrize("name", KINDS)
def test_what_a_proxy_says_of_an_answer_that_never_came_is_unknown(
    name: str, workspace: Workspace, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service has read the whole message, once, and then cut or was too slow."""
    kind = KINDS[name]
    with proxy(workspace, kind, http_sink.port) as port:
        at = port if kind.stands is Stands.IN_FRONT else http_sink.port
        if kind.stands is Stands.BESIDE:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        url = f"json://127.0.0.1:{at}/sms?:to={{phone}}"
        cut, slow = (outcome(url, http_sink, each) for each in (CUT, SLOW))

    assert (cut.result, slow.result) == (Result.UNKNOWN, Result.UNKNOWN)
    # On a busy machine the cut may come after the proxy's patience has ended.
    assert status(cut) in (kind.on_cut, kind.on_silence)
    assert status(slow) == kind.on_silence


def outcome(url: str, sink: HttpSink, answer: Answer) -> Outcome:
    sink.reset()
    sink.answer(answer)
    outcome = try_once(channels(channel_sms=url)[ChannelName.SMS])
    read = eventually(lambda: sink.requests)
    assert [each.json["to"] for each in read] == ["+251911223344"]
    return outcome


def status(outcome: Outcome) -> int:
    return int(outcome.words.partition(" ")[0])


def test_the_decision_names_each_proxy_as_it_was_tried() -> None:
    rows = re.findall(r"^\| (\w+) \d[^|]*\| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)

    tried = {(name, str(kind.on_cut), str(kind.on_silence)) for name, kind in KINDS.items()}
    assert tried == set(rows)
