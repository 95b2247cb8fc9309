"""`celery -A tasks remind`, as it is run."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor
from tests.command_line import Commands
from tests.eventually import eventually
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


# Of a rehearsal nothing may stay, in whichever table.
LEDGER = text("""
    SELECT jsonb_build_array(
        (SELECT jsonb_agg(d ORDER BY id) FROM session_worker.delivery d),
        (SELECT jsonb_agg(a ORDER BY id) FROM session_worker.attempt a),
        (SELECT jsonb_agg(m ORDER BY id) FROM session_worker.move m),
        (SELECT jsonb_agg(h ORDER BY id) FROM session_worker.held_batch h),
        (SELECT jsonb_agg(i) FROM session_worker.installation i),
        (SELECT jsonb_agg(b ORDER BY name) FROM session_worker.heartbeat b))""")


def test_a_dry_run_tells_what_a_run_would_do_and_leaves_nothing_behind(
    commands: Commands, reminded: None, smtp_sink: SmtpSink, conn: Connection
) -> None:
    nobody = a_session(conn, tutor_id=a_tutor(conn, email=""), notification_enabled=True)
    conn.commit()
    before = conn.scalar(LEDGER)
    foretold = commands.document("remind", "--as-of", "2026-12-01T13:20", "--dry-run")
    conn.commit()

    assert conn.scalar(LEDGER) == before
    assert smtp_sink.mails == []
    first, second = foretold.pop("messages")
    assert (first["kind"], first["role"], first["state"], first["channel"]) == (
        "reminder", "tutor", "sent", "email",
    )  # fmt: skip
    assert (second["sessions"], second["state"], second["reason"]) == (
        [nobody], "unreachable", "no_address",
    )  # fmt: skip
    done = commands.document("remind", "--as-of", "2026-12-01T13:20")
    assert foretold == {**done, "dry_run": True, "held": 0}
    assert len(smtp_sink.mails) == 1


def test_a_dry_run_in_words_says_that_it_was_one(
    commands: Commands, reminded: None, smtp_sink: SmtpSink
) -> None:
    done = commands.run("remind", "--as-of", "2026-12-01T13:20", "--dry-run")

    assert done.exit_code == 0
    assert "sent" in done.stdout
    assert "nothing was sent or written" in done.stdout
    assert smtp_sink.mails == []


@contextmanager
def stopped_when_stalled(sink: SmtpSink, stage: str) -> Iterator[None]:
    """This process gets a TERM once the mail server keeps a mail waiting."""

    def stop() -> None:
        eventually(lambda: sink.stalled[stage] >= 1)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = Thread(target=stop)
    thread.start()
    yield
    thread.join()


def test_a_round_that_is_stopped_says_what_it_released(
    commands: Commands, smtp_sink: SmtpSink, conn: Connection
) -> None:
    tutor = a_tutor(conn)
    for number in range(6):
        student = a_student(conn, email=f"student{number}@tutoring.example")
        a_session(conn, tutor_id=tutor, student_id=student, alarm_enabled=True)
    smtp_sink.stall("BODY", 2, times=1)
    with stopped_when_stalled(smtp_sink, "BODY"):
        done = commands.run("remind", "--as-of", "2026-12-01T13:45", CLAIM_BATCH="5")

    assert done.exit_code == 1
    assert "1 sent" in done.stdout
    assert "4 messages that were claimed and not begun are released, and 5 are due" in done.stderr
