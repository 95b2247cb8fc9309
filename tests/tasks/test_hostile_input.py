"""Whatever a user gets wrong ends any command in one line and the right exit code, and nothing is
written by it."""

from importlib.metadata import entry_points

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, text

from tests.builders import an_anchor
from tests.tasks.ledger.commands import Commands

COMMANDS: dict[str, click.Command] = {
    one.name: one.load() for one in entry_points(group="celery.commands") if "tasks." in one.value
}
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
# Each with the least that it takes; the demo reads no settings.
LEAST = [
    ("audit",),
    ("backfill", "2026-09-01", "2026-09-30"),
    ("deliveries",),
    ("deliveries", "pause"),
    ("deliveries", "resume"),
    ("deliveries", "retry", "1"),
    ("deliveries", "settle", "1", "--sent"),
    ("deliveries", "release", "--batch", "1"),
    ("deliveries", "drop", "--batch", "1"),
    ("doctor",),
    ("expand",),
    ("explain", "1"),
    ("preview", "1"),
    ("preview-message", "1"),
    ("remind",),
    ("series",),
    ("series", "end", "1"),
    ("setup",),
]


@pytest.fixture
def commands(conn: Connection, database: str) -> Commands:
    return Commands(conn, database)


def run(commands: Commands, *words: str, **environment: str) -> Result:
    return commands.run(COMMANDS[words[0]], *words[1:], **environment)


def test_each_command_is_here() -> None:
    assert {words[0] for words in LEAST} == COMMANDS.keys() - {"demo"}


UNREADABLE: tuple[dict[str, str], ...] = (
    {"REDIS_URL": "http://user:secret@host"},
    {"DATABASE_URL": "mysql://user:secret@host/site"},
    {"DATABASE_URL": " "},
    {"PHONE_REGION": "XX"},
)


@pytest.mark.parametrize("words", LEAST, ids=" ".join)
def test_a_setting_that_cannot_be_read_ends_any_command_in_one_line(words: tuple[str, ...]) -> None:
    for environment in UNREADABLE:
        result = CliRunner(env={"DATABASE_URL": NOWHERE, **environment}).invoke(
            COMMANDS[words[0]], [*words[1:], "--json"]
        )

        assert (result.exit_code, result.stdout) == (2, ""), environment
        assert result.stderr.startswith(f"Error: {next(iter(environment))}"), environment
        assert result.stderr.count("\n") == 1
        assert "secret" not in result.stderr


def test_a_broker_that_cannot_be_read_leaves_no_backfill_behind(commands: Commands) -> None:
    an_anchor(commands.conn)

    result = run(commands, "backfill", "2026-09-01", "2026-09-30", REDIS_URL="http://x")

    assert result.exit_code == 2
    assert commands.conn.scalar(text("SELECT count(*) FROM session_worker.backfill")) == 0
