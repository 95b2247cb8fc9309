"""`doctor --watch`: one block a change in a pipe, a view in place on a terminal."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO

from rich.console import Console

from scheduler.finding import Finding, error, note
from tasks.admin.doctor import Examination
from tasks.commands.doctor import doctor
from tasks.commands.doctor_watch import Look, look, view
from tasks.database import ServerUnreachable
from tests.command_line import REPOSITORY, Commands

NOW = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
LATE = error("no_ticks", "the last tick was 35 s ago", "start beat")


def a_look(*findings: Finding, after_seconds: int = 0) -> Look:
    return Look(NOW + timedelta(seconds=after_seconds), Examination(not findings, findings))


def shown(out: Console, *looks: Look) -> str:
    assert isinstance(out.file, StringIO)
    with view(out) as show:
        for each in looks:
            show(each)
    return out.file.getvalue()


def test_in_a_pipe_each_change_is_one_block() -> None:
    later = error("no_ticks", "the last tick was 40 s ago", "start beat")
    out = Console(file=StringIO(), width=240)

    said = shown(out, a_look(LATE), a_look(later, after_seconds=5), a_look(after_seconds=10))

    assert said == (
        "2026-12-01 07:00:00 UTC\nerror: the last tick was 35 s ago\n  start beat\n\n"
        "2026-12-01 07:00:10 UTC\nAll is well.\n\n"
    )


def test_a_terminal_shows_the_present_findings_in_place() -> None:
    out = Console(file=StringIO(), force_terminal=True, width=80)

    said = shown(out, a_look(LATE, note("gap", "a gap", "fill it")), a_look(after_seconds=5))

    assert "the last tick was 35 s ago" in said
    assert "\x1b[2K" in said  # the lines of the first view are erased
    assert said.rindex("All is well.") > said.rindex("\x1b[2K")


def test_a_server_that_is_away_is_a_part_of_the_picture() -> None:
    def unreachable() -> Examination:
        raise ServerUnreachable("PostgreSQL at h cannot be reached.")

    seen = look(unreachable, lambda: NOW)

    assert [*seen.lines] == [
        ("error", "PostgreSQL at h cannot be reached.", "the next look follows")
    ]


def test_it_takes_no_json(commands: Commands) -> None:
    done = commands.run(doctor, "--watch", "--json")

    assert (done.exit_code, done.stdout) == (2, "")
    assert "leave --json or --watch out" in done.stderr


def test_ctrl_c_ends_it(database: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tasks", "doctor", "--watch"],
        cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": database, "REDIS_URL": ""},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            block = [*iter(process.stdout.readline, "\n")]
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()

    assert "error: REDIS_URL is not set\n" in block
    assert (process.returncode, errors) == (130, "")
