"""A worker and beat as an admin runs them: real processes on a database and a broker."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tasks.demo.servers import Workspace
from tasks.demo.servers.processes import Command
from tests.command_line import REPOSITORY
from tests.worker_role import worker_url


class Running:
    """Starts `celery -A tasks …` in the background; all of it ends with the block.

    `folder`: a checkout, this one or an older.
    """

    def __init__(
        self, workspace: Workspace, environment: Mapping[str, str], folder: Path = REPOSITORY
    ) -> None:
        self._workspace, self._environment = workspace, {**os.environ, **environment}
        self._started, self._began = 0, monotonic()
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def worker(self, concurrency: int = 2, app: str = "tasks") -> subprocess.Popen[bytes]:
        return self._start(
            app, "worker", f"--concurrency={concurrency}", f"--hostname=w{self._started}@localhost",
            "--queues=planning,delivery", "--without-gossip", "--without-mingle",
        )  # fmt: skip

    def beat(self) -> subprocess.Popen[bytes]:
        schedule = self._workspace.folder / f"beat-{self._started}"
        return self._start("tasks", "beat", f"--schedule={schedule}", "--pidfile=")

    def log(self) -> str:
        """The output of all processes."""
        return "\n".join(
            path.read_text(errors="replace") for path in self._workspace.folder.rglob("*.log")
        )

    def is_quiet_about(self, words: str) -> bool:
        """True if each of its processes wrote this line, at most once a minute."""
        said, minutes = self.log().count(words), 1 + (monotonic() - self._began) // 60
        return 1 <= said <= len(self.processes) * minutes

    def _start(self, app: str, *words: str) -> subprocess.Popen[bytes]:
        self._started += 1
        command = Command(
            f"{words[0]}-{self._started}",
            [sys.executable, "-m", "celery", "-A", app, *words, "--loglevel=INFO"],
            self._environment,
            folder=self._folder,
        )
        process = self._workspace.start(command)
        self.processes.append(process)
        return process


@contextmanager
def running(database: str, broker: str, **environment: str) -> Iterator[Running]:
    with Workspace() as workspace:
        urls = {"DATABASE_URL": worker_url(database), "REDIS_URL": broker}
        yield Running(workspace, {**urls, **environment})


@contextmanager
def running_code_of(
    folder: Path, database: str, broker: str, **environment: str
) -> Iterator[Running]:
    """As `running`, of another checkout."""
    urls = {"DATABASE_URL": database, "REDIS_URL": broker, "PYTHONPATH": str(folder)}
    with Workspace() as workspace:
        yield Running(workspace, {**urls, **environment}, folder)
