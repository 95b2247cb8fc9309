"""The log as JSON: an object a line, with the ids of moves, and nobody's name or address."""

import ast
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from scheduler.reminders.moves import move_log
from scheduler.reminders.moves.claims import claim
from scheduler.reminders.moves.follow_site import try_again
from scheduler.reminders.moves.held_batches import hold_all
from scheduler.settings import load_settings
from tasks.worker import json_log
from tasks.worker.json_log import JsonLines, write_json
from tests.scheduler.ledger.rows import MINUTE, NOW, a_delivery, an_attempt
from tests.scheduler.reminders.moves.test_state import MOVES, moves_of_the_code
from tests.servers import engine_on

LATER = NOW + 200 * MINUTE


class Lines(logging.Handler):
    """Keeps the lines as a worker would write them with LOG_FORMAT=json."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.written: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What moves write to the log at INFO."""
    handler = Lines()
    move_log.logger.addHandler(handler)
    move_log.logger.setLevel(logging.INFO)
    yield handler.written
    move_log.logger.removeHandler(handler)
    move_log.logger.setLevel(logging.NOTSET)


def test_each_delivery_that_moves_is_a_line_with_its_ids(
    conn: Connection, lines: list[Any]
) -> None:
    first, second = (a_delivery(conn, session_id=n, student_id=n) for n in (11, 12))
    conn.commit()

    [batch] = claim(conn, LATER, 1, 10, MINUTE)
    conn.commit()

    assert [(each["delivery"], each["session"]) for each in lines] == [(first, 11), (second, 12)]
    for each in lines:
        assert (each["move"], each["state"]) == ("claim", "claimed")
        assert (each["level"], UUID(each["holder"])) == ("INFO", batch.holder)
        assert "attempt" not in each
        assert "batch" not in each


def test_a_connection_that_is_lost_within_a_move_is_still_told_as_that(
    database: str, lines: list[Any]
) -> None:
    def claim_and_lose() -> None:
        with engine_on(database).begin() as conn:
            a_delivery(conn)
            claim(conn, LATER, 1, 10, MINUTE)
            conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(OperationalError, match="terminat"):
        claim_and_lose()
    assert lines == []


def test_a_held_message_has_its_batch_and_a_tried_one_its_attempt(
    conn: Connection, lines: list[Any]
) -> None:
    tried = a_delivery(conn, state="failed", retry_at=NOW, attempts=1)
    attempt = an_attempt(conn, tried, outcome="failed")

    try_again(conn, LATER)
    hold_all(conn, "flood", "a test")
    conn.commit()

    again, held = lines
    assert (again["move"], again["attempt"]) == ("try_again", attempt)
    assert (held["move"], held["reason"]) == ("hold_all", "flood")
    assert isinstance(held["batch"], int)


def test_what_is_rolled_back_is_not_in_the_log(conn: Connection, lines: list[Any]) -> None:
    a_delivery(conn)
    conn.commit()

    claim(conn, LATER, 1, 10, MINUTE)
    conn.rollback()
    conn.commit()

    assert lines == []


def test_without_info_a_move_asks_nothing_more(conn: Connection) -> None:
    a_delivery(conn)

    claim(conn, LATER, 1, 10, MINUTE)

    assert move_log.LINES not in conn.info


def test_every_move_writes_to_the_log() -> None:
    decorated = {
        node.name
        for module in MOVES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(each, ast.Name) and each.id == "logged" for each in node.decorator_list)
    }

    assert {name for name, _ in moves_of_the_code()} <= decorated


def test_a_line_is_one_object_though_its_message_has_many_lines() -> None:
    try:
        int("two\nlines")
    except ValueError:
        record = logging.LogRecord("tasks", logging.ERROR, "f", 1, "a\nb", (), sys.exc_info())
    record.delivery, record.password = [4, 5], "t0psecret"

    written = JsonLines().format(record)

    assert "\n" not in written
    line = json.loads(written)
    assert (line["message"], line["delivery"], line["level"]) == ("a\nb", [4, 5], "ERROR")
    assert line["at"].endswith("+00:00")
    assert "ValueError: invalid literal" in line["error"]
    assert "t0psecret" not in written


@pytest.mark.parametrize(("log_format", "kind"), [("json", JsonLines), ("text", logging.Formatter)])
def test_the_setting_decides_the_format(
    monkeypatch: pytest.MonkeyPatch, log_format: str, kind: type
) -> None:
    settings = load_settings(_env_file=None, log_format=log_format)
    monkeypatch.setattr(json_log, "worker_settings", lambda: settings)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("of a test")
    logger.addHandler(handler)

    write_json(logger=logger)

    assert type(handler.formatter) is kind
