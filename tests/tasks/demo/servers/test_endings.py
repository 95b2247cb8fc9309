"""The processes and the folder of a workspace go with its owner, in whatever way that ends."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.demo.servers import Workspace
from tasks.demo.servers.guardian import children_of, processes, runs
from tasks.demo.servers.processes import Command, uninterrupted
from tests.eventually import eventually

REPOSITORY = Path(__file__).parents[4]

HOLD_SERVERS = """
import signal
from tasks.demo.servers import Durability, Workspace, start_postgres, start_valkey
with Workspace() as workspace:
    postgres = start_postgres(workspace, Durability.THROW_AWAY)
    valkey = start_valkey(workspace)
    print(workspace.folder, workspace.memory_folder, postgres.pid, valkey.pid, flush=True)
    signal.pause()
"""


DIE_AT_THE_START = """
import os, signal, sys
from tasks.demo.servers.processes import Command, Workspace
workspace = Workspace()
Workspace.adopt = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
print(workspace.folder, flush=True)
workspace.start(Command("left", ["touch", sys.argv[1]]))
"""


def test_a_process_whose_owner_died_before_it_was_in_care_never_begins(tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    owner = subprocess.run(
        [sys.executable, "-c", DIE_AT_THE_START, mark],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    eventually(lambda: not Path(owner.stdout.strip()).exists())
    eventually(lambda: not processes_naming(mark))
    assert not mark.exists()


def processes_naming(path: Path) -> list[int]:
    return [pid for pid in processes() if str(path).encode() in words_of(pid)]


def words_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.mark.parametrize(
    "last", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name
)
def test_nothing_is_left_when_the_owner_gets(last: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_SERVERS],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        folder, memory_folder, *pids = owner.stdout.readline().split()
        owner.send_signal(last)

    eventually(lambda: not Path(folder).exists() and not Path(memory_folder).exists())
    assert [pid for pid in pids if runs(int(pid))] == []


def test_closing_takes_the_children_of_a_process_along() -> None:
    with Workspace() as workspace:
        shell = workspace.start(Command("shell", ["sh", "-c", "sleep 600 & echo $!; wait"]))
        child = int(eventually(lambda: workspace.log("shell")))

    assert not runs(shell.pid)
    assert not runs(child)


def test_a_process_that_ended_is_out_of_care() -> None:
    with Workspace() as workspace:
        done = workspace.start(Command("done", ["true"]))
        assert done.wait(60) == 0
        workspace.ended(done)

    assert not workspace.folder.exists()


def test_closing_twice_is_nothing() -> None:
    workspace = Workspace()
    workspace.close()
    workspace.close()

    assert not workspace.folder.exists()


def test_a_killed_guardian_is_stood_in_for() -> None:
    with Workspace() as workspace:
        process = workspace.start(Command("sleeper", ["sleep", "600"]))
        [guardian] = [pid for pid in children_of(os.getpid()) if guards(pid, workspace)]
        os.kill(guardian, signal.SIGKILL)

    assert not runs(process.pid)
    assert not workspace.folder.exists()


def test_ctrl_c_waits_until_what_was_started_is_in_care() -> None:
    arrived = []
    kept = signal.signal(signal.SIGINT, lambda number, _: arrived.append(number))
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            early = list(arrived)
    finally:
        signal.signal(signal.SIGINT, kept)

    assert (early, arrived) == ([], [signal.SIGINT])


def guards(pid: int, workspace: Workspace) -> bool:
    return str(workspace.folder) in Path(f"/proc/{pid}/cmdline").read_text()
