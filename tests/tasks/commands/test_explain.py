"""`explain`: keys, words, and refusals."""

import pytest
from sqlalchemy import text

from tasks.commands.explain import explain
from tests.builders import a_session, a_student, a_tutor
from tests.command_line import Commands
from tests.scheduler.ledger.rows import START, a_delivery, an_attempt

EMAIL = {"CHANNEL_EMAIL": "mailto://user:tok3n@mail.example?from=a@b.example&to={email}"}


def test_a_document_has_exactly_the_keys_that_scripts_rely_on(commands: Commands) -> None:
    session = a_session(commands.conn, notification_enabled=True)

    found = commands.document(explain, str(session))

    assert list(found) == ["version", "session_id", "people"]
    assert (found["version"], found["session_id"]) == (1, session)
    assert {tuple(person) for person in found["people"]} == {("person_id", "role", "story")}
    events = {tuple(event) for person in found["people"] for event in person["story"]}
    assert events == {("at", "what", "detail")}


def test_words_are_in_local_time_and_seen_from_now(commands: Commands) -> None:
    one = a_delivery(commands.conn, state="sent")
    an_attempt(commands.conn, one)

    printed = commands.run(explain, "1").stdout

    assert printed.startswith("Tutor, person 7\n")
    assert "Tue 2026-12-01 12:00:01" in printed
    assert "sent" in printed
    assert " ago" in printed or "in " in printed


def test_a_repeat_is_told_apart_in_the_table_and_in_the_document(commands: Commands) -> None:
    for time in (0, 1):
        a_delivery(commands.conn, kind="alarm", lead_minutes=15, revision=time, state="sent")

    table = " ".join(commands.run(explain, "1").stdout.split())
    [person] = commands.document(explain, "1")["people"]
    details = [event["detail"] for event in person["story"]]

    assert table.count("alarm 15 min before the start, repeated (2nd time): due") == 1
    assert [", repeated (2nd time): due" in each for each in details] == [False, True]


def test_a_person_without_an_address_is_shown_with_the_channels_that_exist(
    commands: Commands,
) -> None:
    tutor = a_tutor(commands.conn, email=None)
    day = START.replace(year=2036).date()
    session = a_session(commands.conn, tutor_id=tutor, session_date=day, notification_enabled=True)

    found = commands.document(explain, str(session), **EMAIL)

    assert {event["what"] for event in found["people"][0]["story"]} == {"nothing"}
    assert "the person has no address" in found["people"][0]["story"][0]["detail"]


def test_no_secret_and_no_address_is_shown(commands: Commands) -> None:
    student = a_student(commands.conn, phone="+251911000111")
    session = a_session(commands.conn, student_id=student, notification_enabled=True,
                        alarm_enabled=True)  # fmt: skip
    emails = commands.conn.scalars(text("SELECT email FROM users")).all()

    printed = commands.run(explain, str(session), **EMAIL).stdout

    assert [each for each in (*emails, "+251911000111", "tok3n") if each in printed] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["999"], "there is no session 999, and no message under that id"),
        ([], "Missing argument 'SESSION'"),
        (["x"], "'x' is not a valid integer"),
        (["1", "--jsn"], "No such option"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    commands: Commands, arguments: list[str], words: str
) -> None:
    result = commands.run(explain, *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
