"""A temporary folder and the processes that live in it, which end together."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.embedded import guardian
from tasks.embedded.accounts import Account, temporary_root


@dataclass(frozen=True, slots=True)
class Command:
    """One process of a workspace.

    `name` names its log, `NAME.log` in the workspace's folder. `last_signal` is what it gets when
    the workspace is closed. `environment` replaces this process's whole environment.
    """

    name: str
    words: Sequence[str | Path]
    environment: Mapping[str, str] | None = None
    account: Account | None = None
    folder: Path | None = None
    last_signal: signal.Signals = signal.SIGTERM


class Workspace(AbstractContextManager["Workspace"]):
    """A temporary folder with a guardian: what is started here ends with it.

    Closed, or left by a crash, SIGTERM or SIGKILL of this process: the guardian, a process of its
    own session, sends each process group its last signal, kills what stays, and removes the
    folder.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="session-worker-", dir=temporary_root()))
        self.folder.chmod(0o711)  # a lent account passes through to its own folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._guardian = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", guardian.__file__, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, command: Command, given: bytes = b"") -> subprocess.Popen[bytes]:
        """Start a process in a group of its own; `given` is its standard input."""
        process = self._popen(command)
        self._tell(f"+ {process.pid} {int(command.last_signal)}\n")
        self._processes.append(process)
        assert process.stdin is not None  # noqa: S101
        process.stdin.write(given)
        process.stdin.close()
        return process

    def new_folder(self, prefix: str, owner: Account | None) -> Path:
        """A folder of mode 0700 in this one, for the account or for ourselves."""
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=self.folder))
        if owner is not None:
            owner.takes(folder)
        return folder

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        """Take a process that was waited for out of the guardian's care."""
        self._tell(f"- {process.pid}\n")
        self._processes.remove(process)

    def log(self, name: str) -> str:
        """What the process of that name has written so far, to both streams."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """End everything and wait for it; closing twice is nothing."""
        assert self._guardian.stdin is not None  # noqa: S101
        self._guardian.stdin.close()
        for process in self._processes:
            process.wait()
        self._processes.clear()
        self._guardian.wait()

    def _popen(self, command: Command) -> subprocess.Popen[bytes]:
        account = command.account
        with (self.folder / f"{command.name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                command.words,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=command.environment,
                cwd=command.folder or self.folder,
                start_new_session=True,
                user=account.user_id if account else None,
                group=account.group_id if account else None,
                extra_groups=[] if account else None,
            )

    def _tell(self, line: str) -> None:
        assert self._guardian.stdin is not None  # noqa: S101
        os.write(self._guardian.stdin.fileno(), line.encode())
