"""The demo as a user runs it: it shows rows and mails, ends by itself, and leaves nothing."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.demo.servers import Workspace
from tasks.demo.servers.accounts import temporary_root
from tests.eventually import eventually
from tests.json_page import refuse_undocumented

pytestmark = pytest.mark.long

# In one test process, one after the other: each demo starts six processes of its own.

REPOSITORY = Path(__file__).parents[3]
# On a busy machine; on an idle one the demo takes 20 s.
LONGEST_SECONDS = 180
ESCAPE = "\x1b"
CELERY_WORKER = re.compile(r"celery -A tasks worker")


def short_root() -> Path:
    """Where a demo's own TMPDIR may lie: in a longer path its servers would go elsewhere."""
    root = temporary_root()
    return root if len(str(root)) < 40 else Path("/tmp")  # noqa: S108


class Demo:
    """A demo under way, in a temporary folder of its own, which tells what it leaves behind."""

    def __init__(self, workspace: Workspace, *options: str, output: int = subprocess.PIPE) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="demo-", dir=short_root()))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user than root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "demo", *options],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(self.folder), "EXPAND_DAYS": "1", "COLUMNS": "200"},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        workspace.adopt(self.process, signal.SIGTERM)
        self.workspace = workspace

    def wait_for_line(self, part: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if part in line:
                return
        pytest.fail(f"the demo ended without {part!r}: {self.finish().errors}")

    def finish(self) -> "Finished":
        output, errors = self.process.communicate(timeout=LONGEST_SECONDS)
        left = (*map(str, self.folder.iterdir()), *self.processes())
        return Finished(self.process.returncode, output or "", errors, left)

    def left_nothing(self) -> bool:
        """Raises AssertionError with what is still there."""
        left = (*map(str, self.folder.iterdir()), *self.processes())
        assert left == ()
        return True

    def processes(self) -> list[str]:
        """The command lines of those that work below its temporary folder, or name it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_text().replace("\0", " ")
                works_there = (process / "cwd").readlink().is_relative_to(self.folder)
                if works_there or str(self.folder) in words:
                    found.append(f"{process.name} {words}")
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.workspace.ended(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Finished:
    """`left`: files and processes that outlived the demo."""

    exit_code: int
    output: str
    errors: str
    left: tuple[str, ...]


@pytest.fixture(scope="module")
def runs(workspace: Workspace) -> Iterator[tuple[Finished, Finished]]:
    """One in a pipe and one with --json, side by side."""
    demos = (Demo(workspace), Demo(workspace, "--json"))
    yield demos[0].finish(), demos[1].finish()
    for demo in demos:
        demo.close()


@pytest.fixture(scope="module")
def piped(runs: tuple[Finished, Finished]) -> Finished:
    return runs[0]


@pytest.fixture(scope="module")
def document(runs: tuple[Finished, Finished]) -> dict[str, Any]:
    assert (runs[1].exit_code, runs[1].errors) == (0, "")
    loaded: dict[str, Any] = json.loads(runs[1].output)
    return loaded


@pytest.fixture
def staying(workspace: Workspace) -> Iterator[Demo]:
    demo = Demo(workspace, "--stay")
    yield demo
    demo.close()


def test_its_document_is_of_its_type(document: dict[str, Any]) -> None:
    refuse_undocumented("demo", json.dumps(document))


def test_it_ends_by_itself(piped: Finished) -> None:
    assert (piped.exit_code, piped.errors) == (0, "")


def test_it_leaves_no_process_and_no_file(runs: tuple[Finished, Finished]) -> None:
    assert [run.left for run in runs] == [(), ()]


def test_a_pipe_gets_plain_lines(piped: Finished) -> None:
    assert ESCAPE not in piped.output
    assert "Mails caught: 3" in piped.output


def test_rules_have_become_rows(document: dict[str, Any]) -> None:
    assert document["version"] == 1
    assert document["rows"]["inserted"] > 100
    assert document["series"]["active"] >= 12
    assert document["conflicts"]


def test_each_unreadable_rule_has_its_reason(document: dict[str, Any]) -> None:
    reasons = {entry["reason"].partition(":")[0] for entry in document["unreadable"]}

    assert len(document["unreadable"]) == 4
    assert {"unknown_frequency", "no_frequency", "days"} <= reasons


def test_the_tutors_are_reminded_and_the_student_is_alarmed(document: dict[str, Any]) -> None:
    assert {mail["recipient"] for mail in document["mails"]} == {
        "almaz@tutoring.example",
        "girma@tutoring.example",
        "dawit@tutoring.example",
    }
    assert all(mail["subject"] for mail in document["mails"])


def test_a_person_without_an_address_is_named_with_the_reason(document: dict[str, Any]) -> None:
    [missed] = document["not_reached"]

    assert (missed["person"], missed["role"]) == ("Selam Mekonnen Fikre", "student")
    assert missed["reason"] == "no_address"


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("A site with", signal.SIGINT),
        ("Starting `celery", signal.SIGTERM),
    ],
)
def test_it_can_be_ended_at_any_moment(staying: Demo, moment: str, number: signal.Signals) -> None:
    staying.wait_for_line(moment)
    staying.process.send_signal(number)
    finished = staying.finish()

    assert (finished.exit_code, finished.errors, finished.left) == (130, "", ())


def test_a_killed_demo_leaves_nothing(staying: Demo) -> None:
    staying.wait_for_line("Starting `celery")
    eventually(lambda: worker_of(staying))
    staying.process.kill()
    staying.process.wait()

    eventually(staying.left_nothing)


def test_a_worker_that_dies_is_told_in_one_line(staying: Demo) -> None:
    staying.wait_for_line("Starting `celery")
    os.kill(int(eventually(lambda: worker_of(staying))), signal.SIGKILL)
    finished = staying.finish()

    assert finished.exit_code == 1
    assert re.fullmatch(r"Error: celery worker has ended: .*\n", finished.errors)
    assert finished.left == ()


def test_it_stays_in_a_terminal_until_ctrl_c(workspace: Workspace) -> None:
    ours, theirs = pty.openpty()
    demo = Demo(workspace, "--stay", output=theirs)
    os.close(theirs)
    os.set_blocking(ours, False)
    written: list[str] = []
    eventually(lambda: "until Ctrl-C" in read_on(ours, written), within=LONGEST_SECONDS)
    assert worker_of(demo)
    demo.process.send_signal(signal.SIGINT)
    finished = demo.finish()
    demo.close()
    os.close(ours)

    assert (finished.exit_code, finished.errors, finished.left) == (0, "", ())
    assert ESCAPE in written[0]
    assert "Mails caught: 3" in "".join(written)


def read_on(terminal: int, written: list[str]) -> str:
    """Everything the terminal was sent so far. Raises OSError where the other end has closed."""
    with suppress(BlockingIOError):
        written.append(os.read(terminal, 65536).decode(errors="replace"))
    return "".join(written)


def worker_of(demo: Demo) -> str:
    """The process id of its Celery worker, the first of its group; '' where none runs yet."""
    words = (line.partition(" ") for line in demo.processes())
    return next((pid for pid, _, line in words if CELERY_WORKER.search(line)), "")
