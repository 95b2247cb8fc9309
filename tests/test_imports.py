"""Imports point one way: tasks → scheduler → models; scheduler needs no Celery and no network."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOREIGN_TO_SCHEDULER = {"celery", "kombu", "apprise", "redis", "requests", "httpx", "urllib3"}
NETWORK = {"http.client", "smtplib", "socket", "urllib.request", "asyncio"}
FORBIDDEN = {
    "models": {"scheduler", "tasks", "celeryconfig", "tests"} | FOREIGN_TO_SCHEDULER | NETWORK,
    "scheduler": {"tasks", "celeryconfig", "tests"} | FOREIGN_TO_SCHEDULER | NETWORK,
    "tasks": {"tests"},
}
NEEDLESS_NAMES = {"utils", "helpers", "common", "core"}


def modules_of(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def imports_of(module: Path) -> Iterator[str]:
    """The full names a module imports, wherever in it: `from a import b` may mean `a.b`."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            within = package_of(module, node.level) if node.level else []
            base = [*within, *filter(None, [node.module])]
            yield from (".".join([*base, alias.name]) for alias in node.names)


def package_of(module: Path, level: int) -> list[str]:
    """The package that a relative import of so many dots starts from."""
    parts = module.relative_to(REPOSITORY).with_suffix("").parts
    return list(parts[: len(parts) - level])


def crosses(name: str, forbidden: set[str]) -> bool:
    return any(name == banned or name.startswith(f"{banned}.") for banned in forbidden)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package: str) -> None:
    crossing = [
        f"{module.relative_to(REPOSITORY)} imports {name}"
        for module in modules_of(package)
        for name in imports_of(module)
        if crosses(name, FORBIDDEN[package])
    ]

    assert crossing == []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_module_is_named_for_what_it_holds(package: str) -> None:
    named = {part for module in modules_of(package) for part in module.with_suffix("").parts}

    assert named & NEEDLESS_NAMES == set()


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("import celery", "celery"),
        ("from celery import Task", "celery.Task"),
        ("def f():\n    import tasks.delivery", "tasks.delivery"),
        ("from .. import tasks", "tasks"),
        ("from ..tasks import delivery", "tasks.delivery"),
    ],
)
def test_no_form_of_import_is_missed(
    source: str, imported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_imports.REPOSITORY", tmp_path)
    module = tmp_path / "scheduler" / "module.py"
    module.parent.mkdir()
    module.write_text(source)

    assert list(imports_of(module)) == [imported]
