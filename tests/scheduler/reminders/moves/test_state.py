"""Agreement of the states in the enum, in SQL, in the CHECK and in the picture."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text

from scheduler.reminders.moves.state import State

ROOT = Path(__file__).parents[4]
MOVES = [*(ROOT / "scheduler/reminders/moves").glob("*.py")]
PICTURE = (ROOT / "docs/state-machine.md").read_text(encoding="utf-8")
STATES = {state.value for state in State}

Edge = tuple[str, str]


def test_the_check_of_the_table_allows_the_states_of_the_enum(conn: Connection) -> None:
    checks = conn.scalars(
        text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'session_worker.delivery'::regclass AND contype = 'c'"
        )
    )
    (of_states,) = [check for check in checks if "'sending'" in check]

    assert set(re.findall(r"'(\w+)'", of_states)) == STATES


def test_no_statement_names_a_state_that_is_none() -> None:
    named = {
        word
        for module in MOVES
        for clause in re.findall(r"\bstate (?:=|IN|<>) (\('[^)]*\)|'\w+')", module.read_text())
        for word in re.findall(r"'(\w+)'", clause)
    }

    assert len(named) > 5
    assert named <= STATES


def test_the_picture_shows_the_moves_of_the_code_and_no_others() -> None:
    drawn: dict[Edge, set[str]] = {}
    for source, target, moves in re.findall(r"(\w+) --> (\w+): (.*)", PICTURE):
        drawn[source, target] = {move.strip() for move in moves.split(",")}
    made: dict[Edge, set[str]] = {}
    for name, edge in moves_of_the_code():
        made.setdefault(edge, set()).add(name)

    assert drawn == made


def test_no_other_module_changes_a_state() -> None:
    elsewhere = [
        str(module.relative_to(ROOT))
        for package in ("models", "scheduler", "tasks")
        for module in (ROOT / package).rglob("*.py")
        if module not in MOVES
        and "migrations" not in module.parts
        and re.search(r"UPDATE session_worker\.delivery\b[^;]*?\bSET state\b", module.read_text())
    ]

    assert elsewhere == []


def test_the_picture_explains_every_state() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PICTURE, re.MULTILINE)) == STATES


def moves_of_the_code() -> Iterator[tuple[str, Edge]]:
    """Each public function whose docstring begins with states, an arrow and states."""
    for module in MOVES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                first = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
                for edge in edges_in(first):
                    yield node.name, edge


def edges_in(line: str) -> set[Edge]:
    """'planned or claimed → held | expired: …' → four edges."""
    sources = states_in(line.partition("→")[0])
    arrows = re.findall(r"→ (\w+(?: (?:\||or) \w+)*)", line)
    return {(source, target) for source in sources for to in arrows for target in states_in(to)}


def states_in(words: str) -> list[str]:
    return [word for word in re.findall(r"\w+", words) if word in STATES]


def test_a_statement_makes_no_move_that_is_not_in_the_picture() -> None:
    drawn = set(re.findall(r"(\w+) --> (\w+): ", PICTURE))
    made = {edge for module in MOVES for edge in moves_of_statements(module)}

    assert len(made) > 10
    assert made - drawn == set()


def moves_of_statements(module: Path) -> Iterator[Edge]:
    """Of each UPDATE that names both the state that it sets and those that it looks for."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        words = node.value if isinstance(node, ast.Constant) else None
        for update in str(words).split("UPDATE session_worker.delivery")[1:]:
            if target := re.search(r"SET state = '(\w+)'", update):
                _, _, where = update[target.end() :].partition("WHERE")
                for one, several in re.findall(r"\bstate (?:= ('\w+')|IN \(([^)]*)\))", where):
                    yield from (
                        (source, target[1]) for source in re.findall(r"\w+", one or several)
                    )
