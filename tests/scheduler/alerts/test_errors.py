"""Errors that the admin is told of: each once, and again after it went and came back."""

import ast
import inspect
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.alerts.errors import note_errors
from scheduler.doctor import CHECKS, URGENT
from scheduler.finding import Finding, Severity, error
from tests.scheduler.ledger.rows import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    return rolled_back


def held(batch: int, messages: int = 3) -> Finding:
    return error("held", f"{messages} messages held with batch {batch}", f"release {batch}")


def stopped(seconds: int) -> Finding:
    return error("tick_stopped", f"the last tick was {seconds} s ago", "start beat")


def told(conn: Connection) -> list[Any]:
    rows = conn.execute(text("SELECT findings FROM session_worker.admin_message ORDER BY id"))
    return [[each["detail"] for each in row.findings] for row in rows]


def test_an_error_is_told_once_though_its_numbers_change(conn: Connection) -> None:
    first = note_errors(conn, [stopped(31), held(4)], NOW)
    second = note_errors(conn, [stopped(95), held(4, messages=2)], NOW + MINUTE)

    assert (len(first), second) == (2, [])
    assert told(conn) == [["the last tick was 31 s ago", "3 messages held with batch 4"]]


def test_another_of_the_same_code_is_new(conn: Connection) -> None:
    note_errors(conn, [held(4)], NOW)

    assert note_errors(conn, [held(4), held(5)], NOW + MINUTE) == [held(5)]


def test_an_error_that_went_and_came_back_is_told_again(conn: Connection) -> None:
    note_errors(conn, [stopped(31)], NOW)
    note_errors(conn, [], NOW + MINUTE)

    assert note_errors(conn, [stopped(40)], NOW + 2 * MINUTE) == [stopped(40)]
    assert len(told(conn)) == 2


def test_where_nothing_is_wrong_nothing_is_made(conn: Connection) -> None:
    assert note_errors(conn, [], NOW) == []
    assert told(conn) == []


def test_an_error_is_told_with_its_cure(conn: Connection) -> None:
    note_errors(conn, [held(4)], NOW)

    [[found]] = conn.scalars(text("SELECT findings FROM session_worker.admin_message"))
    assert found == {
        "code": "held",
        "severity": Severity.ERROR.value,
        "detail": "3 messages held with batch 4",
        "cure": "release 4",
    }


def test_the_checks_that_run_each_minute_are_those_that_may_find_an_error() -> None:
    may_find_one = {check for check in CHECKS if finds_errors(check)}

    assert {*URGENT} == may_find_one


def finds_errors(check: Any) -> bool:
    """Whether `error` stands in the check's source, or in that of what it yields from."""
    tree = ast.parse(inspect.getsource(check))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    module = inspect.getmodule(check)
    inner = [vars(module).get(each.value.func.id) for each in ast.walk(tree)
             if isinstance(each, ast.YieldFrom) and isinstance(each.value, ast.Call)
             and isinstance(each.value.func, ast.Name)]  # fmt: skip
    return "error" in names or any(finds_errors(each) for each in inner if inspect.isfunction(each))
