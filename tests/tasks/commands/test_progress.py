"""Progress of long commands: on a terminal, after two seconds."""

import time
from io import StringIO

import pytest
from rich.console import Console

from tasks.commands import progress
from tasks.commands.progress import counted_columns, shown, timed_columns
from tests.eventually import eventually


def terminal() -> Console:
    return Console(file=StringIO(), force_terminal=True, width=100, color_system=None)


def said(out: Console) -> str:
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AFTER_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_what_is_counted_shows_its_rate_and_the_time_left() -> None:
    out = terminal()

    with shown(out, "Series", counted_columns()) as tell:
        for done in (2_000, 4_000, 6_000):
            tell(done, 10_000)
            time.sleep(0.01)
        eventually(lambda: "6000/10000" in said(out), within=10)

    assert "Series" in said(out)
    assert "/s 0:00:0" in said(out)


@pytest.mark.usefixtures("at_once")
def test_what_is_not_counted_shows_that_it_goes_on() -> None:
    out = terminal()

    with shown(out, "Examining", timed_columns()):
        eventually(lambda: "Examining 0:00:00" in said(out), within=10)


def test_what_is_over_soon_shows_nothing() -> None:
    out = terminal()

    with shown(out, "Series", counted_columns()) as tell:
        tell(1, 1)

    assert said(out) == ""
