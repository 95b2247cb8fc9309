"""`celery -A tasks web` in a process of its own."""

import json
import os
import signal
import subprocess
import sys

import pytest
import requests
from sqlalchemy import Connection

from tasks.web.server import listen
from tests.command_line import REPOSITORY, Commands
from tests.json_page import refuse_undocumented
from tests.sinks.ports import free_ports


def test_it_says_where_it_listens_and_ends_by_ctrl_c(database: str, valkey: str) -> None:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "celery", "-A", "tasks", "web", "--json", "--port", str(port)]
    environment = {**os.environ, "DATABASE_URL": database, "REDIS_URL": valkey}
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            refuse_undocumented("web", line)
            url = json.loads(line)["url"]
            assert requests.get(f"{url}healthz", timeout=60).json() == {"alive": True}
            assert requests.get(f"{url}readyz", timeout=60).status_code == 200
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=60)
        finally:
            running.kill()

    assert (running.returncode, errors) == (130, "")


@pytest.fixture
def commands(conn: Connection, database: str) -> Commands:
    return Commands(conn, database)


def test_others_are_let_in_only_with_a_token(commands: Commands) -> None:
    done = commands.run("web", "--host", "0.0.0.0")  # noqa: S104

    assert done.exit_code == 2
    assert done.stderr.startswith("Error: on 0.0.0.0 others can read the page: set WEB_TOKEN")
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_one_line(commands: Commands) -> None:
    with listen("127.0.0.1", 0) as taken:
        done = commands.run("web", "--port", str(taken.getsockname()[1]))

    assert done.exit_code == 2
    assert "choose another --host or --port" in done.stderr
    assert len(done.stderr.splitlines()) == 1
