"""Ctrl-C while PostgreSQL, or the way to it, keeps a command waiting."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import Connection, make_url, text

from scheduler.turns import wait_expansion_turn
from tests.builders import an_anchor
from tests.command_line import REPOSITORY, Commands
from tests.eventually import eventually
from tests.servers import connect

# A safety net for a busy machine; alone each ends within half a second. Unheard, Ctrl-C would take
# the 240 s for which a turn is waited for, or the minute for a connection.
ENDS_WITHIN_SECONDS = 30.0
WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'""")
COUNTS = text("""
    SELECT (SELECT count(*) FROM tutor_sessions),
           (SELECT count(*) FROM session_worker.series),
           (SELECT count(*) FROM session_worker.occurrence),
           (SELECT count(*) FROM session_worker.backfill WHERE stopped_at IS NULL)""")


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tasks", *arguments], cwd=REPOSITORY, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def ended_by_ctrl_c(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=ENDS_WITHIN_SECONDS)
    return process.returncode, said, errors


def test_a_command_that_waits_for_anothers_turn_ends_at_once_and_leaves_nothing(
    commands: Commands, conn: Connection, database: str
) -> None:
    anchor = an_anchor(conn)
    before = conn.execute(COUNTS).one()
    conn.commit()
    waiting = [("backfill", "2026-12-01", "2027-01-31", "--inline"), ("series", "end", str(anchor))]
    with connect(database) as another, ExitStack() as stack:
        wait_expansion_turn(another)
        processes = [
            stack.enter_context(running(*words, **commands.environment)) for words in waiting
        ]
        eventually(lambda: all_wait(database, len(waiting)))
        ends = [ended_by_ctrl_c(each) for each in processes]
        another.rollback()

    assert [end[:2] for end in ends] == [(130, "")] * len(waiting)
    assert [errors for _, _, errors in ends if "Traceback" in errors or "Error" in errors] == []
    assert conn.execute(COUNTS).one() == before


def all_wait(url: str, count: int) -> bool:
    with connect(url) as watch:
        return int(watch.scalar(WAITING) or 0) == count


def test_a_command_that_waits_for_a_silent_server_ends_at_once(database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = make_url(database).set(
            host="127.0.0.1", port=silent.getsockname()[1], query={"connect_timeout": "60"}
        )
        with running("audit", DATABASE_URL=url.render_as_string(hide_password=False)) as process:
            connection, _ = silent.accept()
            with connection:
                assert ended_by_ctrl_c(process) == (130, "", "")
