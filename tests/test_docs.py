"""Agreement of the documentation with the code, and docstrings where they are needed."""

import ast
import inspect
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest

from scheduler.settings import Settings
from tests import json_page

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "settings.md"
TABLE = "## All settings\n\n| setting | default | meaning |\n|---|---|---|\n"


def test_every_setting_stands_on_the_page_of_settings() -> None:
    lines = [
        f"| `{name.upper()}` | {shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    words, _, _ = SETTINGS.read_text().partition(TABLE)
    page = words + TABLE + "\n".join(lines) + "\n"
    if os.environ.get("WRITE_DOCS"):
        SETTINGS.write_text(page)

    assert SETTINGS.read_text() == page


def shown(value: Any) -> str:
    if isinstance(value, timedelta):
        hours, seconds = divmod(int(value.total_seconds()), 3600)
        return f"`{hours}h`" if hours and not seconds else f"`{hours * 3600 + seconds}s`"
    if isinstance(value, tuple):
        return "`" + ",".join(shown(one).strip("`") for one in value) + "`"
    if isinstance(value, Enum):
        value = value.value
    return "" if value in (None, "") else f"`{value}`"


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    ours = [one.name for one in entry_points(group="celery.commands") if "tasks." in one.value]

    # The whole name: `preview` is not satisfied by `preview-message`.
    assert [name for name in ours if not re.search(rf"`{name}[ `]", readme)] == []


def test_every_command_has_help_with_an_example() -> None:
    silent = []
    for one in entry_points(group="celery.commands"):
        if "tasks." in one.value:
            command = one.load()
            if "Example: celery -A tasks" not in (command.help or ""):
                silent.append(one.name)

    assert silent == []


def test_the_reference_shows_each_command_with_its_options() -> None:
    shown_as = "\n\n".join([COMMANDS_HEAD, *reference_of_the_commands()]) + "\n"
    page = ROOT / "docs" / "commands.md"
    if os.environ.get("WRITE_DOCS"):
        page.write_text(shown_as)

    assert page.read_text() == shown_as


COMMANDS_HEAD = """# Commands

All are `celery -A tasks …`. `--json` prints [one document](json.md) with a key `"version": 1`, ISO
8601 instants and ids as numbers. Exit codes: 0 done; 1 done in part, or a check failed; 2 wrong
usage or input; 3 a server that cannot be reached. Errors are one line each on standard error.

This page is written by `WRITE_DOCS=1 uv run pytest tests/test_docs.py`."""


def reference_of_the_commands() -> Iterator[str]:
    """A section for each command and subcommand: usage, help and options."""
    for one in sorted(entry_points(group="celery.commands"), key=lambda each: each.name):
        if "tasks." in one.value:
            yield from sections_of(one.load(), one.name, "##")


def sections_of(command: click.Command, name: str, heading: str) -> Iterator[str]:
    with click.Context(command, info_name=name) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        lines = [f"{heading} `{name} {usage}`", inspect.cleandoc(command.help or "")]
        options = [
            record
            for each in command.params
            if isinstance(each, click.Option) and (record := each.get_help_record(context))
        ]
        if options:
            rows = [f"| `{cell(flags)}` | {cell(words)} |" for flags, words in options]
            lines.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
        yield "\n\n".join(lines)
        if isinstance(command, click.Group):
            for part in command.list_commands(context):
                subcommand = command.get_command(context, part)
                assert subcommand is not None
                yield from sections_of(subcommand, f"{name} {part}", heading + "#")


def cell(words: str) -> str:
    """The text of a table cell, without a number's range, which its error line states too."""
    words = re.sub(r"\s*\[\d+<=x<=\d+\]", "", words).replace("INTEGER RANGE", "ID")
    return " ".join(words.split()).replace("|", "\\|")


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in DECISIONS]

    assert all(re.fullmatch(r"\d{4}", number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
DECISION = re.compile(r"# (\d{4}): (.*)\n\nDate: (\d{4}-\d\d-\d\d)\. Status: ([^\n]+)")


def test_every_decision_has_a_date_and_a_status_and_stands_in_the_index() -> None:
    rows = []
    for path in DECISIONS:
        found = DECISION.match(path.read_text())
        assert found, f"{path.name}: begin with '# NUMBER: …' and 'Date: … . Status: …'"
        number, title, day, status = found.groups()
        rows.append(f"| [{number}]({path.name}) | {title} | {day} | {status.rstrip('.')} |")
    head = "# Decisions\n\n| number | decision | date | status |\n|---|---|---|---|\n"
    index = ROOT / "docs" / "decisions" / "index.md"
    if os.environ.get("WRITE_DOCS"):
        index.write_text(head + "\n".join(rows) + "\n")

    assert index.read_text() == head + "\n".join(rows) + "\n"


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "findings").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_of_the_documents_names_each_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text()

    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "index.md"]
    assert [page for page in pages if f"({page})" not in index] == []


def test_the_page_of_documents_has_every_key_and_an_example_of_each() -> None:
    examples = json_page.examples_on(json_page.PAGE.read_text())
    if os.environ.get("WRITE_DOCS"):
        json_page.PAGE.write_text(json_page.page_of(examples))

    assert json_page.PAGE.read_text() == json_page.page_of(examples)
    assert examples.keys() == json_page.DOCUMENTED.keys()
    for name, example in examples.items():
        json_page.refuse_undocumented(name, example)


MODULES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for package in ("models", "scheduler", "tasks", "tests")
    for path in sorted((ROOT / package).rglob("*.py"))
}
QUESTIONS = {"What", "Who", "Whom", "Whose", "Which", "Whether", "Where", "When", "Why", "How"}


def test_no_module_opens_with_a_question() -> None:
    opened = {
        str(path.relative_to(ROOT)): (ast.get_docstring(module) or "-").split()[0]
        for path, module in MODULES.items()
    }

    assert {path: word for path, word in opened.items() if word.strip(",:") in QUESTIONS} == {}


def test_what_another_module_uses_has_a_docstring() -> None:
    tests = ROOT / "tests"
    product = {path: module for path, module in MODULES.items() if not path.is_relative_to(tests)}
    bare = {
        (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), one.name)
        for path, module in product.items()
        for one in module.body
        if isinstance(one, ast.FunctionDef | ast.ClassDef)
        if not ast.get_docstring(one)
    }
    used = {
        (node.module, name.name)
        for module in product.values()
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }

    assert sorted(bare & used) == []
