"""A temporary folder and the processes in it, which end together."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tasks.demo.servers import guardian
from tasks.demo.servers.accounts import Account, memory_root, temporary_root

# Waits for a line, then becomes the command; a shell reads no input beyond that line.
AT_A_LINE = 'read -r _ && exec "$@"'


@dataclass(frozen=True, slots=True)
class Command:
    """One process of a workspace.

    `name` names its log, `NAME.log` in the workspace's folder. `last_signal` is sent when the
    workspace is closed. `environment` replaces this process's whole environment.
    """

    name: str
    words: Sequence[str | Path]
    environment: Mapping[str, str] | None = None
    account: Account | None = None
    folder: Path | None = None
    last_signal: signal.Signals = signal.SIGTERM


class Workspace(AbstractContextManager["Workspace"]):
    """A temporary folder with a guardian: what is started here ends with it.

    `memory_folder` is a second one, on a file system in memory where the machine has one with
    room; else it is the same.

    Closed, or left by a crash, SIGTERM or SIGKILL of this process: the guardian, a process of its
    own session, sends each process group its last signal, kills what stays, and removes the
    folder.
    """

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[Any]] = []
        with uninterrupted():
            self.folder = top_folder(temporary_root())
            root = memory_root()
            self.memory_folder = self.folder if root is None else top_folder(root)
            self._guardian = guardian_of(self._folders)

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
        """Start a process in a group of its own; `given` is its standard input.

        It begins only once the guardian knows it, so that a crash in between leaves no process.
        """
        with uninterrupted():
            process = self._popen(command)
            self.adopt(process, command.last_signal)
        assert process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError), process.stdin:  # it ended before reading all of it
            process.stdin.write(b"\n" + given)
        return process

    def adopt(self, process: subprocess.Popen[Any], last_signal: signal.Signals) -> None:
        """Put a process that was started elsewhere, as leader of its own group, in the guardian's
        care."""
        self._tell(f"+ {process.pid} {int(last_signal)}\n")
        self._processes.append(process)

    def new_folder(self, prefix: str, owner: Account | None) -> Path:
        """A folder of mode 0700 in this one, owned by the account, or by this user."""
        return own_folder(self.folder, prefix, owner)

    def new_memory_folder(self, prefix: str, owner: Account | None) -> Path:
        """The same in memory, for data that need not survive a crash of the machine."""
        return own_folder(self.memory_folder, prefix, owner)

    def ended(self, process: subprocess.Popen[Any]) -> None:
        """Remove a process that has ended from the guardian's care."""
        self._tell(f"- {process.pid}\n")
        self._processes.remove(process)

    def log(self, name: str) -> str:
        """The output so far, of both streams, of the process of that name."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """End everything and wait for it. Closing again has no effect."""
        assert self._guardian.stdin is not None  # noqa: S101
        self._guardian.stdin.close()
        if self._guardian.wait() != 0:  # it was killed: do its work here
            guardian.stop({process.pid: signal.SIGQUIT for process in self._processes})
            guardian.remove([str(folder) for folder in self._folders])
        for process in self._processes:
            process.wait()
        self._processes.clear()

    @property
    def _folders(self) -> list[Path]:
        return [self.folder, self.memory_folder]

    def _popen(self, command: Command) -> subprocess.Popen[bytes]:
        account = command.account
        with (self.folder / f"{command.name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", AT_A_LINE, "sh", *command.words],
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
        with suppress(BrokenPipeError):  # it was killed: see close
            os.write(self._guardian.stdin.fileno(), line.encode())


def top_folder(root: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="session-worker-", dir=root))
    folder.chmod(0o711)  # the other account must reach its own folder in it
    return folder


def own_folder(within: Path, prefix: str, owner: Account | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=within))
    if owner is not None:
        owner.takes(folder)
    return folder


def guardian_of(folders: Sequence[Path]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", guardian.__file__, *folders],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM to the block's end, so that nothing is started without being
    recorded."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread handles signals
        return
    arrived: list[int] = []
    held = {
        number: signal.signal(number, lambda got, _: arrived.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for got in arrived:
            signal.raise_signal(got)


POLL_SECONDS = 0.01


def wait_for(
    condition: Callable[[], bool], within: float, otherwise: Callable[[], Exception]
) -> None:
    """Poll until the condition holds; after `within` seconds raise the exception made by
    `otherwise`."""
    limit = time.monotonic() + within
    while not condition():
        if time.monotonic() > limit:
            raise otherwise()
        time.sleep(POLL_SECONDS)
