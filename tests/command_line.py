"""The commands: by the real command line in a process of its own, or in this one."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result
from sqlalchemy import Connection

from tests.worker_role import worker_url

REPOSITORY = Path(__file__).parents[1]
COMMANDS = entry_points(group="celery.commands")


def celery(
    *arguments: str, folder: Path = REPOSITORY, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `celery -A tasks …` with these settings, and wait for its end (120 s at most)."""
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tasks", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**os.environ, **environment, **by_role(arguments, environment)},
        check=False,
    )


def by_role(arguments: tuple[str, ...], environment: dict[str, str]) -> dict[str, str]:
    """The worker's DATABASE_URL; `setup` is the owner's."""
    if arguments[:1] == ("setup",) or "DATABASE_URL" not in environment:
        return {}
    return {"DATABASE_URL": worker_url(environment["DATABASE_URL"])}


class Commands:
    """Runs commands on a test's database in this process, without the start of another; what the
    test wrote is committed first."""

    def __init__(self, conn: Connection, database: str) -> None:
        self.conn, self.environment = conn, {"DATABASE_URL": database}

    def run(self, command: click.Command | str, *arguments: str, **environment: str) -> Result:
        """`command`: itself, or its name on the command line."""
        self.conn.commit()
        runner = CliRunner(env={**self.environment, **environment})
        found: click.Command = COMMANDS[command].load() if isinstance(command, str) else command
        result = runner.invoke(found, list(arguments), prog_name=found.name)
        unexpected = result.exception
        if unexpected is not None and not isinstance(unexpected, SystemExit):
            raise unexpected
        return result

    def document(self, command: click.Command | str, *arguments: str, **environment: str) -> Any:
        result = self.run(command, *arguments, "--json", **environment)
        assert result.stderr == ""
        return json.loads(result.stdout)

    def process(
        self, command: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """By the real command line."""
        self.conn.commit()
        return celery(command, *arguments, folder=REPOSITORY, **self.environment, **environment)
