"""`celery -A tasks remind`, as it is run."""

import json

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_tutor
from tests.command_line import Commands
from tests.sinks.smtp import SmtpSink

TUTOR = "tutor@tutoring.example"


@pytest.fixture
def commands(conn: Connection, database: str, smtp_sink: SmtpSink) -> Commands:
    commands = Commands(conn, database)
    commands.environment["CHANNEL_EMAIL"] = (
        f"mailto://{smtp_sink.host}:{smtp_sink.port}?from=worker@tutoring.example&to={{email}}"
    )
    return commands


@pytest.fixture
def reminded(conn: Connection) -> None:
    a_session(conn, tutor_id=a_tutor(conn, email=TUTOR), notification_enabled=True)
    conn.commit()


def test_a_round_as_of_an_instant_says_what_it_changed(
    commands: Commands, reminded: None, smtp_sink: SmtpSink
) -> None:
    done = commands.process("remind", "--as-of", "2026-12-01T13:20", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "version": 1, "as_of": "2026-12-01T10:20:00+00:00", "planned": 2, "sent": 1,
        "failed": 0, "expired": 0, "obsolete": 1, "unreachable": 0,
    }  # fmt: skip
    assert len(smtp_sink.mails_to(TUTOR)) == 1


def test_a_round_with_nothing_to_do_says_so(commands: Commands, reminded: None) -> None:
    done = commands.run("remind", "--as-of", "2026-11-01T13:20")

    assert (done.exit_code, done.stdout) == (0, "Nothing is due.\n")


def test_a_round_in_which_messages_failed_is_done_in_part(
    commands: Commands, reminded: None, smtp_sink: SmtpSink
) -> None:
    smtp_sink.reply("RCPT", "451 4.3.0 later")
    done = commands.run("remind", "--as-of", "2026-12-01T13:20")

    assert done.exit_code == 1
    assert "1 failed" in done.stdout


def test_a_round_in_which_a_message_was_never_answered_is_done_in_part(
    commands: Commands, reminded: None, smtp_sink: SmtpSink
) -> None:
    smtp_sink.disconnect("BODY")  # the mail was handed over
    done = commands.run("remind", "--as-of", "2026-12-01T13:20")

    assert done.exit_code == 1
    assert "1 never answered" in done.stdout


def test_on_a_copy_nothing_is_sent_and_one_line_says_what_to_do(
    commands: Commands, reminded: None, smtp_sink: SmtpSink, conn: Connection
) -> None:
    conn.execute(text("UPDATE session_worker.installation SET system_identifier = 'another'"))
    conn.commit()
    done = commands.run("remind", "--as-of", "2026-12-01T13:20")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "doctor --adopt-database" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert smtp_sink.mails == []


def test_a_channel_that_cannot_be_read_sends_nothing(commands: Commands, reminded: None) -> None:
    done = commands.run("remind", CHANNEL_SMS="nonsense")

    assert done.exit_code == 2
    assert "CHANNEL_SMS" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_database_that_does_not_answer_is_exit_code_3(commands: Commands) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    done = commands.run("remind", DATABASE_URL=nowhere)

    assert done.exit_code == 3
    assert len(done.stderr.splitlines()) == 1
