"""Any wrong input ends a command with one line and the right exit code, and writes nothing."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, text

from tests.builders import an_anchor
from tests.command_line import REPOSITORY, Commands

COMMANDS: dict[str, click.Command] = {
    one.name: one.load() for one in entry_points(group="celery.commands") if "tasks." in one.value
}
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
# Each with the least that it takes; the demo and the list of languages read no database.
LEAST = [
    ("absence", "add", "2026-12-14", "--everybody"),
    ("absence", "list"),
    ("absence", "withdraw", "1"),
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
    ("export", "1"),
    ("feed", "1"),
    ("forget", "1"),
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
    assert {words[0] for words in LEAST} == COMMANDS.keys() - {"demo", "languages", "web"}


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


@pytest.mark.parametrize("reason", ["a\0b", "\udcff"])
def test_words_that_are_no_text_are_wrong_input(commands: Commands, reason: str) -> None:
    result = run(commands, "deliveries", "pause", "--reason", reason)

    assert result.exit_code == 2
    assert "is no text" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [("deliveries", "--json", "pause"), ("series", "--json", "end", "1")], ids=" ".join
)
def test_an_option_before_the_commands_name_is_refused(
    commands: Commands, words: tuple[str, ...]
) -> None:
    result = run(commands, *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--json has no effect on {words[2]}: write it after" in result.stderr
    assert commands.conn.scalar(text("SELECT count(*) FROM session_worker.pause")) == 0


@pytest.mark.parametrize(
    "words", [each for each in LEAST if each[0] not in ("doctor", "demo")], ids=" ".join
)
def test_a_foreign_database_and_one_not_set_up_get_different_lines(
    words: tuple[str, ...], empty_database: str
) -> None:
    result = CliRunner(env={"DATABASE_URL": empty_database}).invoke(
        COMMANDS[words[0]], [*words[1:], "--json"]
    )

    assert (result.exit_code, result.stdout) == (1, "")
    for line in result.stderr.splitlines():
        assert line.startswith("Error: ")
        assert "point DATABASE_URL at" in line or "run `celery -A tasks setup`" in line


def test_letters_missing_from_a_terminals_encoding_do_not_end_a_command(commands: Commands) -> None:
    session = an_anchor(commands.conn, notification_enabled=True)
    commands.conn.commit()
    runner = CliRunner(env=commands.environment, charset="ascii")

    result = runner.invoke(COMMANDS["preview-message"], [str(session), "--lang", "am"])

    assert result.exit_code == 0
    assert "\\u12" in result.stdout


def test_a_full_disk_under_the_output_is_one_line(commands: Commands) -> None:
    an_anchor(commands.conn)
    commands.conn.commit()
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "tasks", "series", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, cwd=REPOSITORY,
            check=False, env={**os.environ, **commands.environment},
        )  # fmt: skip

    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "Error: the work is done, but the output cannot be written ([Errno 28]"
    )
    assert ended.stderr.count("\n") == 1
