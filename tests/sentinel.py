"""A Valkey behind Sentinel: a primary, a replica and three sentinels of a test's own.

The binary that is embedded is its own sentinel, as Redis's is.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redis
from redis.sentinel import Sentinel
from sqlalchemy import make_url

from tasks.demo.servers import ValkeyServer, Workspace, start_valkey
from tasks.demo.servers.processes import Command
from tasks.demo.servers.valkey import free_port
from tests.eventually import eventually
from tests.servers import redis_program

HOST = "127.0.0.1"
NAME = "lessons"
# A primary that is silent for so long is down to a sentinel.
DOWN_MILLISECONDS = 1000
SENTINELS = 3


@dataclass(frozen=True, slots=True)
class Guarded:
    """Two servers with one password, and their sentinels with another."""

    servers: tuple[ValkeyServer, ValkeyServer]
    password: str
    sentinel_password: str
    ports: tuple[int, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The settings that a worker needs besides `url`."""
        return {"SENTINEL_MASTER": NAME, "SENTINEL_PASSWORD": self.sentinel_password}

    @property
    def url(self) -> str:
        first, *others = (f"{HOST}:{port}" for port in self.ports)
        return ";".join(
            [f"sentinel://:{self.password}@{first}/0", *(f"sentinel://{each}" for each in others)]
        )

    def primary(self) -> ValkeyServer:
        """The one that most sentinels name. Raises MasterNotFoundError while there is none."""
        _, port = self._asked().discover_master(NAME)
        return next(each for each in self.servers if f":{port}/" in each.url())

    def switch_over(self) -> None:
        """As an admin does: `SENTINEL FAILOVER`. One that is under way, or has no replica to go to
        yet, is no error: ask again where nothing comes of it."""
        with suppress(redis.ResponseError):
            self._asked().sentinels[0].execute_command("SENTINEL", "FAILOVER", NAME)

    def _asked(self) -> Any:
        kwargs = {"password": self.sentinel_password, "socket_timeout": 1}
        sentinels: Any = Sentinel  # redis-py has no types for it
        return sentinels([(HOST, port) for port in self.ports], sentinel_kwargs=kwargs)


@contextmanager
def guarded_valkey(workspace: Workspace) -> Iterator[Guarded]:
    password = secrets.token_urlsafe(8)
    primary, replica = start_valkey(workspace, password), start_valkey(workspace, password)
    with redis.Redis.from_url(replica.url()) as client:
        admin: Any = client
        admin.execute_command("REPLICAOF", HOST, make_url(primary.url()).port)
    ports = tuple(free_port() for _ in range(SENTINELS))
    guarded = Guarded((primary, replica), password, secrets.token_urlsafe(8), ports)
    processes = [workspace.start(sentinel(workspace, guarded, port)) for port in ports]
    eventually(lambda: knows_all(guarded), within=30)
    try:
        yield guarded
    finally:
        for process in processes:
            process.kill()
            process.wait()
            workspace.ended(process)


def sentinel(workspace: Workspace, guarded: Guarded, port: int) -> Command:
    folder = workspace.new_folder("sentinel", None)
    configuration = folder / "sentinel.conf"
    server = make_url(guarded.servers[0].url())
    configuration.write_text(
        f"bind {HOST}\nport {port}\ndir {folder}\nrequirepass {guarded.sentinel_password}\n"
        f"sentinel sentinel-pass {guarded.sentinel_password}\n"
        f"sentinel monitor {NAME} {HOST} {server.port} 2\n"
        f"sentinel auth-pass {NAME} {guarded.password}\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_MILLISECONDS}\n"
        f"sentinel failover-timeout {NAME} 20000\n"
    )
    return Command(f"sentinel-{port}", [redis_program(), str(configuration), "--sentinel"])


def knows_all(guarded: Guarded) -> bool:
    """Each sentinel sees the others and the replica, so that it can fail over."""
    for each in guarded._asked().sentinels:
        try:
            found = each.sentinel_masters().get(NAME)
        except redis.ConnectionError:
            return False
        if not found or (found["num-other-sentinels"], found["num-slaves"]) != (SENTINELS - 1, 1):
            return False
    return True
