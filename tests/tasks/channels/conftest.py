import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sinks.http import HttpSink
from tests.sinks.internet import Internet


@pytest.fixture
def internet(
    http_sink: HttpSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with Internet(http_sink, tmp_path) as internet:
        for name, value in internet.environment.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log of a worker at `-l DEBUG`. (pytest's own log also captures loggers that do not
    propagate.)"""
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(before)
    root.removeHandler(handler)
