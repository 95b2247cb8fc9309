"""Machines with wrong clocks: the database's clock decides what is due."""

import os
import shutil
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student
from tests.command_line import celery
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running


def clock(shift: str) -> dict[str, Any]:
    """The environment of a process whose wall clock is off; its monotonic clock is right."""
    if shutil.which("faketime") is None:
        pytest.skip("no faketime on this machine: apt-get install faketime")
    library = next(
        path
        for folder in ("/usr/lib", "/usr/lib64", "/usr/local/lib")
        for path, _, names in os.walk(folder)
        if "libfaketime.so.1" in names
    )
    return {
        "LD_PRELOAD": f"{library}/libfaketime.so.1",
        "FAKETIME": shift,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.parametrize("shift", ["+8m", "-8m"])
def test_an_alarm_that_is_due_goes_out_whatever_the_machine_thinks_it_is(
    conn: Connection, database: str, smtp_sink: SmtpSink, shift: str
) -> None:
    start = in_wall_time(5)
    a_session(conn, student_id=a_student(conn, email="abebe@tutoring.example"),
              alarm_enabled=True, alarm_before_minutes=6, **start)  # fmt: skip
    after_the_first_tick(conn)

    environment: dict[str, Any] = mail_channel(smtp_sink) | clock(shift)
    reminded = celery("remind", DATABASE_URL=database, **environment)

    assert reminded.returncode == 0, reminded.stderr
    assert count(conn, "sent") == 1
    assert len(smtp_sink.mails_to("abebe@tutoring.example")) == 1


def test_doctor_tells_how_far_the_clocks_are_apart(database: str, valkey: str) -> None:
    examined = celery("doctor", DATABASE_URL=database, REDIS_URL=valkey, **clock("+8m"))

    assert "this machine's clock is 8 min ahead of PostgreSQL's" in examined.stdout


def test_a_worker_whose_clock_is_ahead_takes_every_tick_and_says_so(
    conn: Connection, database: str, valkey: str
) -> None:
    with running(database, valkey) as beating, running(database, valkey, **clock("+6s")) as site:
        site.worker()
        beating.beat()

        eventually(lambda: ticks(conn) is not None)
        assert "this machine's clock is 6 s ahead of PostgreSQL's" in site.log()


def ticks(conn: Connection) -> Any:
    """When the last tick was."""
    conn.rollback()
    return conn.scalar(text("SELECT ticked_at FROM session_worker.installation"))
