"""A RabbitMQ of a test's own; Debian's package `rabbitmq-server`."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.demo.servers import Workspace
from tasks.demo.servers.accounts import Account, unprivileged_account
from tasks.demo.servers.processes import Command, wait_for
from tasks.demo.servers.valkey import free_port

START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class RabbitMq:
    programs: Path
    environment: dict[str, str]
    port: int
    account: Account | None  # whose the node's cookie is
    pids: list[int] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Of the node; asked for once, as a frozen one does not answer."""
        if not self.pids:
            self.pids.append(int(self.control("eval", "os:getpid().").stdout.strip().strip('"')))
        return self.pids[0]

    def virtual_host(self, name: str, default_queue_type: str = "classic") -> str:
        """Makes one; its URL."""
        self.control("add_vhost", name, "--default-queue-type", default_queue_type)
        self.control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"

    def control(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`rabbitmqctl …`."""
        return subprocess.run(
            [
                self.programs / "rabbitmqctl",
                "-q",
                "-n",
                self.environment["RABBITMQ_NODENAME"],
                *words,
            ],
            env=self.environment,
            cwd=self.environment["HOME"],
            user=self.account.user_id if self.account else None,
            capture_output=True,
            text=True,
            check=False,
        )

    def messages(self, virtual_host: str) -> dict[str, int]:
        """How many are ready in each queue."""
        lines = self.control("list_queues", "-p", virtual_host, "name", "messages_ready").stdout
        pairs = (line.split("\t") for line in lines.splitlines() if "\t" in line)
        return {name: int(count) for name, count in pairs if count.isdigit()}


@contextmanager
def rabbitmq(workspace: Workspace) -> Iterator[RabbitMq]:
    """A running one, without a virtual host. Skips the test where it is not installed."""
    folders = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    if not folders:
        pytest.skip("no RabbitMQ on this machine: apt-get install rabbitmq-server")
    account = unprivileged_account()
    folder = workspace.new_folder("rabbitmq", account)
    port, epmd, dist = free_port(), free_port(), free_port()
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"worker{secrets.token_hex(4)}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(dist),
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
    }
    name = f"rabbitmq-{port}"
    programs = folders[-1]
    process = workspace.start(
        Command(name, [programs / "rabbitmq-server"], environment, account, folder)
    )
    server = RabbitMq(programs, environment, port, account)

    def ready() -> bool:
        started = (folder / ".erlang.cookie").exists()
        return started and server.control("await_startup", "--timeout", "5").returncode == 0

    wait_for(ready, START_SECONDS, lambda: AssertionError(workspace.log(name)))
    try:
        yield server
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        workspace.ended(process)
        subprocess.run(["epmd", "-port", str(epmd), "-kill"], capture_output=True, check=False)
