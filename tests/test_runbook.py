"""The runbook's entries against the codes that the doctor's source names: one for each."""

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scheduler.doctor.life import SILENCE
from scheduler.doctor.sessions import WHEN_THEY_GO_ON
from scheduler.finding import Severity

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "runbook.md"
SOURCES = [
    *sorted((ROOT / "scheduler" / "doctor").glob("*.py")),
    ROOT / "tasks" / "admin" / "doctor.py",
]
# The notes of setup, which doctor repeats where a table or a column is missing.
SETUP = ROOT / "tasks" / "admin" / "setup.py"
# What stands in the braces of a code: `{name}_stopped`, `series_{row.state}`.
IN_BRACES: Mapping[str, list[str]] = {"name": [*SILENCE], "row.state": [*WHEN_THEY_GO_ON]}
SEVERITIES = [*Severity]

ENTRY = re.compile(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
PARTS = ("Means", "Hurts", "Look at", "Cure")
TABLE = re.compile(r"(\| finding \| severity \| hurts \|\n\|---\|---\|---\|\n)(?:\|.*\n)*")
SKELETON = "\n### `{}`\n\n**Means.** …\n**Hurts.** …\n**Look at.** …\n**Cure.** …\n"


def test_each_finding_has_an_entry_and_each_entry_a_finding() -> None:
    if os.environ.get("WRITE_DOCS"):
        write_the_missing()

    entries = [code for code, _ in ENTRY.findall(PAGE.read_text())]
    assert sorted(entries) == sorted(severities_by_code())


def test_each_entry_says_what_whom_where_and_how() -> None:
    lacking = {
        code: part
        for code, words in ENTRY.findall(PAGE.read_text())
        for part in PARTS
        if not re.search(rf"^\*\*{part}\.\*\* [^…\n]", words, re.MULTILINE)
    }

    assert lacking == {}


def test_the_table_of_the_runbook_is_that_of_its_entries() -> None:
    page = PAGE.read_text()
    written = with_table(page)
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(written)

    assert PAGE.read_text() == written


@pytest.mark.parametrize("code", ["tick_stopped", "series_ended", "admin_unusable", "no_channel"])
def test_codes_are_found_however_they_are_written(code: str) -> None:
    assert code in severities_by_code()


def write_the_missing() -> None:
    page = PAGE.read_text()
    missing = severities_by_code().keys() - {code for code, _ in ENTRY.findall(page)}
    PAGE.write_text(page + "".join(SKELETON.format(code) for code in sorted(missing)))


def with_table(page: str) -> str:
    by_code = severities_by_code()
    rows = [
        f"| [`{code}`](#{code}) | {' or '.join(by_code.get(code, ()))} | {hurt(words)} |\n"
        for code, words in ENTRY.findall(page)
    ]
    return TABLE.sub(lambda found: found[1] + "".join(rows), page)


def hurt(words: str) -> str:
    found = re.search(r"^\*\*Hurts\.\*\* (.*)$", words, re.MULTILINE)
    return found[1] if found else ""


def severities_by_code() -> dict[str, list[str]]:
    """Code → its severities, the most severe first, by the calls in the sources."""
    found: dict[str, set[Severity]] = {}
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for code, severity in codes_of(function):
                    found.setdefault(code, set()).add(severity)
    for node in ast.walk(ast.parse(SETUP.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == "notes_on_table":
            for code in codes_in_calls_of("Note", node):
                found.setdefault(code, set()).add(Severity.NOTE)
    return {code: sorted(each, key=SEVERITIES.index) for code, each in found.items()}


def codes_of(function: ast.FunctionDef) -> Iterator[tuple[str, Severity]]:
    for severity in Severity:
        for code in codes_in_calls_of(severity.value, function):
            yield code, severity
    # `find = error if … else warning`, then `find(code, …)`.
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp):
            named = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
            for severity in Severity:
                if severity.value in named:
                    for code in codes_in_calls_of("find", function):
                        yield code, severity
    for code in codes_in_calls_of("unusable", function):
        yield code, Severity.ERROR


def codes_in_calls_of(name: str, function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == name
            and node.args
        ):
            yield from spelt(node.args[0])


def spelt(code: ast.expr) -> Iterator[str]:
    """'held'; each of f'{name}_stopped'. A code that is handed on is found where it is written."""
    if isinstance(code, ast.Constant):
        yield str(code.value)
    elif isinstance(code, ast.JoinedStr):
        [braces] = [part for part in code.values if isinstance(part, ast.FormattedValue)]
        name = ast.unparse(braces.value)
        for value in IN_BRACES[name]:
            yield ast.unparse(code)[2:-1].replace(f"{{{name}}}", value)
