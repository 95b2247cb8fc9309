"""A chunk that kills its process each time is given up after three tries; the others are filled."""

import logging
import os
import signal
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin import backfill
from scheduler.expansion.admin.backfill import Extent, begin_backfill, fill_next_chunk
from scheduler.expansion.admin.backfill import report_backfill as report
from scheduler.expansion.admin.chunk_tries import TRIES
from scheduler.settings import Settings
from tests.builders import an_anchor
from tests.forks import exit_code, fork
from tests.servers import engine_on

SETTINGS = Settings(_env_file=None)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
SPAN = (date(2026, 9, 1), date(2026, 9, 30))


def fill(database: str, backfill_id: int) -> bool:
    return fill_next_chunk(engine_on(database), SETTINGS, NOW, backfill_id)


def end_this_process(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ended_while_filling(database: str, backfill_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(backfill, "expand_or_halve", end_this_process)
        child = fork(lambda: fill(database, backfill_id))
    assert exit_code(child) == -signal.SIGKILL


@pytest.fixture
def backfill_id(conn: Connection) -> int:
    an_anchor(conn, session_date=date(2026, 9, 1))
    begun = begin_backfill(conn, Extent(*SPAN))
    conn.commit()
    return begun


def test_after_three_ended_processes_it_is_given_up_and_said(
    conn: Connection, database: str, backfill_id: int, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    for _ in range(TRIES):
        ended_while_filling(database, backfill_id, monkeypatch)
    with caplog.at_level(logging.ERROR):
        while fill(database, backfill_id):
            pass

    [failed] = report(conn, backfill_id, "").failed
    assert "its process was killed 3 times" in failed.error
    assert "its process was killed 3 times" in caplog.text


def test_after_two_it_is_tried_once_more_and_filled(
    conn: Connection, database: str, backfill_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(TRIES - 1):
        ended_while_filling(database, backfill_id, monkeypatch)

    while fill(database, backfill_id):
        pass

    done = report(conn, backfill_id, "")
    assert (done.failed, done.rows.inserted) == ((), 4)


def test_a_database_that_was_away_does_not_count(
    conn: Connection, database: str, backfill_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(backfill, "expand_or_halve", refuse)
        for _ in range(TRIES + 1):
            with pytest.raises(ConnectionError):
                fill(database, backfill_id)
    while fill(database, backfill_id):
        pass

    assert report(conn, backfill_id, "").failed == ()
