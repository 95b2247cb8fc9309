"""A PostgreSQL 18 server in a workspace, on a unix socket that only its owner and root reach."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from urllib.parse import quote

import psycopg2

from tasks.demo.servers.accounts import Account, copy_tree, unprivileged_account
from tasks.demo.servers.binaries import postgres_install
from tasks.demo.servers.failure import EmbeddedServerFailed
from tasks.demo.servers.guardian import children_of, runs
from tasks.demo.servers.processes import Command, Workspace, wait_for

OWNER = "worker"
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class Durability(Enum):
    """Durability of commits. Both survive a crash of the server process."""

    THROW_AWAY = "throw away"  # lost in a crash of the machine: for tests and the demo
    KEPT = "kept"  # written through to the disk, as on a site: for measurements


SETTINGS: Mapping[Durability, Mapping[str, str]] = {
    Durability.THROW_AWAY: {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_wal_size": "256MB",  # it lies in memory
        "dynamic_shared_memory_type": "mmap",  # in the data folder, so that it is removed with it
    },
    Durability.KEPT: {},
}


class PostgresServer:
    """A running server: made by `start_postgres`, ended with its workspace.

    It listens on the socket only. The socket's folder has mode 0700, so `trust` is safe.
    """

    def __init__(self, workspace: Workspace, folder: Path, command: Command) -> None:
        self._workspace = workspace
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """URL of a database on this server, for SQLAlchemy and libpq."""
        return f"postgresql://{OWNER}@/{database}?host={quote(str(self._folder))}"

    @property
    def pid(self) -> int:
        """The postmaster's process id. Raises EmbeddedServerFailed while it is stopped."""
        if self._process is None:
            raise EmbeddedServerFailed("The PostgreSQL server is stopped: call start().")
        return self._process.pid

    def start(self) -> None:
        """Start it, or again after `stop` or `kill`, and wait until it answers."""
        self._process = self._workspace.start(self._command)
        wait_for(self._answers, within=START_SECONDS, otherwise=self._failed)

    def stop(self) -> None:
        """Stop it in fast mode: connections are closed, nothing is lost."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the postmaster and its children, as in a loss of power: a busy child left alive
        would hold the shared memory and prevent the next start.
        """
        children = children_of(self.pid)
        self._end(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        wait_for(lambda: not any(map(runs, children)), STOP_SECONDS, self._failed)

    def _end(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)
        assert self._process is not None  # noqa: S101
        self._process.wait(STOP_SECONDS)
        self._workspace.ended(self._process)
        self._process = None

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise self._failed()
        with suppress(psycopg2.OperationalError):
            psycopg2.connect(self.url("postgres")).close()
            return True
        return False

    def _failed(self) -> EmbeddedServerFailed:
        return failed("PostgreSQL did not start", self._workspace.log(self._command.name))


def start_postgres(
    workspace: Workspace, durability: Durability, settings: Mapping[str, str] | None = None
) -> PostgresServer:
    """A fresh server with the empty database `postgres`; `settings` go on its command line.

    Raises EmbeddedServerFailed with the server's last words.
    """
    account = unprivileged_account()
    install = reachable_install(workspace, account)
    data = data_folder(workspace, durability, account)
    initialize(workspace, install, data, account)
    return start_on(data, workspace, install, {**SETTINGS[durability], **(settings or {})})


def start_on(
    data: Path, workspace: Workspace, install: Path, settings: Mapping[str, str]
) -> PostgresServer:
    """A server on an existing data folder that belongs to the account it runs as."""
    account = unprivileged_account()
    folder = workspace.new_folder("postgres", account)
    wished = {**settings, "unix_socket_directories": str(folder)}
    words = (str(install / "bin" / "postgres"), "-D", str(data), *options(wished))
    server = PostgresServer(workspace, folder, command(folder.name, words, folder, account))
    server.start()
    return server


def reachable_install(workspace: Workspace, account: Account | None) -> Path:
    """The install tree, or a copy that the account can reach (a venv below /root, mode 0700)."""
    install = postgres_install()
    if account is None or account.reaches(install / "share" / "postgresql" / "postgres.bki"):
        return install
    # The binaries find their libraries two folders up, in a neighbour of the package.
    copies = workspace.new_folder("install", account)
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy_tree(install, copies / package.name / install.name, account)
    if libraries.exists():
        copy_tree(libraries, copies / libraries.name, account)
    account.takes(copies)
    return copies / package.name / install.name


def data_folder(workspace: Workspace, durability: Durability, account: Account | None) -> Path:
    if durability is Durability.THROW_AWAY:
        return workspace.new_memory_folder("data", account)
    return workspace.new_folder("data", account)


def initialize(workspace: Workspace, install: Path, data: Path, account: Account | None) -> None:
    wished = f"--username={OWNER} --auth=trust --encoding=UTF8 --locale=C --no-sync"
    words = (str(install / "bin" / "initdb"), "-D", str(data), *wished.split())
    name = f"initdb-{data.name}"
    process = workspace.start(command(name, words, data, account))
    code = process.wait()
    workspace.ended(process)
    if code != 0:
        raise failed("initdb failed", workspace.log(name))


def options(settings: Mapping[str, str]) -> list[str]:
    """The command line; `listen_addresses` is always empty."""
    fixed = {"timezone": "UTC", **settings, "listen_addresses": ""}
    return [f"--{name}={value}" for name, value in fixed.items()]


def command(name: str, words: Sequence[str], folder: Path, account: Account | None) -> Command:
    # SIGQUIT: at once, without a checkpoint; the children and the shared memory go with it.
    # The caller's PG* variables would change what initdb and the server do: none is passed on.
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    return Command(name, words, environment, account, folder, signal.SIGQUIT)


def failed(what: str, log: str) -> EmbeddedServerFailed:
    lines = log.strip().splitlines() or ["no word of why"]
    fatal = [line for line in lines if "FATAL" in line]  # the last line only says that it is down
    return EmbeddedServerFailed(f"{what}: {(fatal or lines)[-1]}")
