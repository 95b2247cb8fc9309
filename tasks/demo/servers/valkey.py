"""A Valkey server in a workspace, on 127.0.0.1, behind a password of its own."""

import os
import secrets
import signal
import socket
import subprocess
from contextlib import closing, suppress

import redis

from tasks.demo.servers.binaries import valkey_binary
from tasks.demo.servers.failure import EmbeddedServerFailed
from tasks.demo.servers.processes import Command, Workspace, wait_for

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
PING_SECONDS = 1.0
PORTS_TO_TRY = 5


class PortTaken(Exception):
    """Another process took the port after it was found free."""


class ValkeyServer:
    """A running server: made by `start_valkey`, ended with its workspace. It stores nothing on
    disk."""

    def __init__(self, workspace: Workspace, port: int, password: str) -> None:
        self._workspace = workspace
        self._name = f"valkey-{port}-{secrets.token_hex(4)}"
        self._port = port
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        """redis:// URL of one of its 16 databases, for Celery and redis-py."""
        return f"redis://:{self._password}@{HOST}:{self._port}/{database}"

    @property
    def pid(self) -> int:
        """Raises EmbeddedServerFailed while it is stopped."""
        if self._process is None:
            raise EmbeddedServerFailed("The Valkey server is stopped: call start().")
        return self._process.pid

    def start(self) -> None:
        """Start it, or again after `stop` or `kill` on the same port, and wait for its answer."""
        command = Command(self._name, [valkey_binary(), "-"])
        # The configuration goes through standard input: a command line is visible to every user.
        self._process = self._workspace.start(command, self._configuration().encode())
        wait_for(self._answers, within=START_SECONDS, otherwise=self._failed)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, as a crash would: its content is lost."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)
        assert self._process is not None  # noqa: S101
        self._process.wait(STOP_SECONDS)
        self._workspace.ended(self._process)
        self._process = None

    def _configuration(self) -> str:
        return (
            f"bind {HOST}\nport {self._port}\nrequirepass {self._password}\n"
            f'masterauth {self._password}\nsave ""\n'
            f'appendonly no\ndaemonize no\ndir "{self._workspace.folder}"\n'
        )

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise self._failed()
        try:
            with closing(redis.Redis.from_url(self.url(), socket_timeout=PING_SECONDS)) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            # Or another server has the port and does not know the password: this one will end soon.
            return False

    def _failed(self) -> Exception:
        log = self._workspace.log(self._name)
        if "in use" in log:
            return PortTaken(f"port {self._port} was taken")
        lines = log.strip().splitlines() or ["no word of why"]
        return EmbeddedServerFailed(f"Valkey did not start: {lines[-1]}")


def start_valkey(workspace: Workspace, password: str | None = None) -> ValkeyServer:
    """A fresh, empty server on a free port; replicas of one another share a password.

    Raises EmbeddedServerFailed with the server's last words.
    """
    for _ in range(PORTS_TO_TRY):
        server = ValkeyServer(workspace, free_port(), password or secrets.token_urlsafe(16))
        with suppress(PortTaken):
            server.start()
            return server
    raise EmbeddedServerFailed(f"Valkey found no free port in {PORTS_TO_TRY} tries.")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
