"""A PgBouncer in front of a test's server; Debian's package `pgbouncer`."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from tasks.demo.servers import Workspace
from tasks.demo.servers.accounts import unprivileged_account
from tasks.demo.servers.processes import Command, wait_for
from tasks.demo.servers.valkey import free_port

START_SECONDS = 60.0


@contextmanager
def pgbouncer(
    workspace: Workspace, server_socket: Path, mode: str, pool_size: int = 4
) -> Iterator[int]:
    """The port on 127.0.0.1 of one in that mode (transaction, session); any database, no password.

    Skips the test where it is not installed.
    """
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("no PgBouncer on this machine: apt-get install pgbouncer")
    account = unprivileged_account()
    folder = workspace.new_folder("pgbouncer", account)
    port = free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={server_socket.parent} user=worker\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = 200\n"
    )
    settings.chmod(0o644)
    name = f"pgbouncer-{secrets.token_hex(3)}"
    process = workspace.start(
        Command(name, [program, str(settings)], {}, account=account, folder=folder)
    )

    def answers() -> bool:
        try:
            psycopg2.connect(f"postgresql://worker@127.0.0.1:{port}/postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    wait_for(answers, START_SECONDS, lambda: AssertionError(workspace.log(name)))
    yield port
    process.terminate()
    process.wait(START_SECONDS)
    workspace.ended(process)
