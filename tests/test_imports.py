"""Imports point one way, and modules are named for what they hold.

The layers stand in pyproject.toml, [tool.importlinter]. By hand are only the two parts of the
standard library of which import-linter sees the top (`http`, `urllib`), and the names.
"""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("models", "scheduler", "tasks")
NETWORK = {"http.client", "urllib.request"}
NEEDLESS_NAMES = {"utils", "helpers", "common", "core"}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_one_way() -> None:
    done = lint(REPOSITORY)

    assert done.returncode == 0, done.stdout + done.stderr


WRONG_WAYS = {
    "models/site.py": "from scheduler import settings",
    "scheduler/settings/model.py": "import tasks.database",
    "scheduler/turns.py": "import celery",
    "scheduler/rules/rule.py": "from scheduler.site import preferences",
    "scheduler/occurrences/why.py": "def late():\n    from scheduler.reminders import tick",
    "scheduler/expansion/admin/audit.py": "from scheduler.doctor import Finding",
    "scheduler/expansion/find/snapshot.py": "from scheduler.expansion.plan import tables",
    "scheduler/reminders/read/claimed.py": "from scheduler.reminders.moves import sending",
    "tasks/messages/render.py": "from tasks.channels import address",
    "tasks/delivery/sender.py": "from tasks.commands import expand",
    "tasks/admin/setup.py": "from tasks.demo import packages",
    "tasks/planning.py": "import tests.builders",
    "scheduler/new_room.py": "",
}


def test_every_import_the_other_way_is_found(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / package)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for module, line in WRONG_WAYS.items():
        with (tmp_path / module).open("a") as file:
            file.write(f"\n{line}\n")

    done = lint(tmp_path)

    assert done.returncode == 1
    names = (module.removesuffix(".py").replace("/", ".") for module in WRONG_WAYS)
    assert [name for name in names if f" {name} " not in done.stdout.replace("\n", " ")] == []


@pytest.mark.parametrize("package", ["models", "scheduler"])
def test_what_should_be_needs_no_network(package: str) -> None:
    assert [
        f"{module} imports {name}"
        for module in (REPOSITORY / package).rglob("*.py")
        for name in imports_of(module)
        if name in NETWORK
    ] == []


def imports_of(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_is_named_for_what_it_holds(package: str) -> None:
    modules = (REPOSITORY / package).rglob("*.py")
    named = {part for module in modules for part in module.with_suffix("").parts}

    assert named & NEEDLESS_NAMES == set()


# Names that occur in several folders, with their one meaning.
SHARED_NAMES = {
    "absences": "absences of a tutor, a student or everybody",
    "admin": "what an admin asks for",
    "alerts": "messages to the admin, and the sign of life",
    "command": "the command of its room",
    "columns": "the columns of tutor_sessions",
    "home": "the database that the ledger belongs to",
    "mail": "e-mail and its services",
    "message": "one message",
    "people": "the people of a session",
    "plan": "what should be there, before it is written",
    "preferences": "session_worker.preference",
    "rehearsal": "a trial of which nothing stays",
    "rules": "rules of recurring sessions",
    "series": "series",
    "services": "what Apprise reaches by HTTP",
    "sessions": "rows of tutor_sessions",
    "site": "the site's tables",
    "worker": "the worker",
    "web": "HTTP",
    "zones": "zone data of the database and of the machine",
}


def test_a_name_in_several_folders_means_one_thing() -> None:
    places: dict[str, set[Path]] = {}
    for package in PACKAGES:
        for module in (REPOSITORY / package).rglob("*.py"):
            name = module.parent.name if module.name == "__init__.py" else module.stem
            places.setdefault(name, set()).add(module)
    commands = {path.stem for path in (REPOSITORY / "tasks" / "commands").glob("*.py")}
    shared = {name for name, modules in places.items() if len(modules) > 1}

    # The work of a command is named as the command.
    assert shared - commands <= SHARED_NAMES.keys()
