"""The commands in this process: what they print and how they end, without starting Celery."""

import json
from typing import Any

import click
from click.testing import CliRunner, Result
from sqlalchemy import Connection


class Commands:
    """Runs commands on a test's database; what the test wrote is committed first."""

    def __init__(self, conn: Connection, database: str) -> None:
        self.conn, self.environment = conn, {"DATABASE_URL": database}

    def run(self, command: click.Command, *arguments: str, **environment: str) -> Result:
        self.conn.commit()
        runner = CliRunner(env={**self.environment, **environment})
        result = runner.invoke(command, list(arguments), prog_name=command.name)
        unexpected = result.exception
        if unexpected is not None and not isinstance(unexpected, SystemExit):
            raise unexpected
        return result

    def document(self, command: click.Command, *arguments: str, **environment: str) -> Any:
        result = self.run(command, *arguments, "--json", **environment)
        assert result.stderr == ""
        return json.loads(result.stdout)
