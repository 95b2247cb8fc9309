"""The first messages of a fresh process, all at once, and the meaning of a plugin's own error."""

import subprocess
import sys
from pathlib import Path

import pytest
from apprise.plugins.custom_json import NotifyJSON

from tasks.channels.outcome import Result
from tests.sinks.http import HttpSink
from tests.tasks.channels.attempt import a_letter, try_once, webhook

REPOSITORY = Path(__file__).parents[3]


def test_none_of_the_first_messages_is_lost_to_what_is_still_loading(http_sink: HttpSink) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.tasks.channels.first_messages", "8", str(http_sink.port)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.splitlines() == ["sent 200 OK"] * 8


def test_an_error_of_the_library_before_any_contact_is_not_for_good(
    http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> bool:
        raise RuntimeError("half loaded")

    channel = webhook(http_sink)
    monkeypatch.setattr(NotifyJSON, "send", breaks)

    outcome = try_once(channel, a_letter())

    assert (outcome.result, outcome.final) == (Result.FAILED, False)
    assert http_sink.requests == []
