"""`export` and `forget`: keys, words, exit codes, and refusals."""

import json

import pytest

from tests.command_line import Commands
from tests.scheduler.ledger.rows import a_delivery, row_of

IN_THE_YEAR_2036 = "2036-01-01T00:00Z"


def test_an_export_is_one_document(commands: Commands) -> None:
    one = a_delivery(commands.conn, state="sent")

    document = commands.document("export", "7")

    assert [*document] == [
        "version", "person", "preferences", "deliveries", "inbox", "absences", "mute_links",
        "chats", "feed_tokens",
    ]  # fmt: skip
    assert [each["id"] for each in document["deliveries"]] == [one]
    assert json.loads(commands.run("export", "7").stdout) == document


def test_forgetting_says_what_went(commands: Commands) -> None:
    one = a_delivery(commands.conn, state="sent", told={"tutor_name": "Almaz"},
                     starts_at="2025-01-01T00:00Z")  # fmt: skip

    assert commands.document("forget", "7") == {
        "version": 1,
        "person": "user:7",
        "deliveries": 1,
        "names": 0,
        "addresses": 0,
        "kept": 0,
        "inbox": 0,
        "absences": 0,
    }
    commands.conn.commit()
    assert row_of(commands.conn, one).told is None


def test_what_is_still_to_come_is_said_and_is_exit_code_1(commands: Commands) -> None:
    a_delivery(commands.conn, state="sent", told={"subject": "Algebra"}, starts_at=IN_THE_YEAR_2036)

    result = commands.run("forget", "7")

    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: 1 message about sessions to come kept: cancel those sessions"
    )


@pytest.mark.parametrize("person", ["Almaz", "student:", "user:0x7", "9" * 19, "office:7", "-1"])
@pytest.mark.parametrize("command", ["export", "forget"])
def test_what_is_no_person_is_one_line(commands: Commands, command: str, person: str) -> None:
    result = commands.run(command, "--", person)

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "is no person: write the id of a row of users" in result.stderr


@pytest.mark.parametrize("command", ["export", "forget"])
def test_a_person_of_whom_nobody_knows_is_refused(commands: Commands, command: str) -> None:
    result = commands.run(command, "student:99")

    assert (result.exit_code, result.stderr) == (
        2,
        "Error: there is no person student:99: give an id of the table users, or student:ID,"
        " tutor:ID, parent:ID for somebody without an account.\n",
    )
