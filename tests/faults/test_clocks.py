"""Machines with wrong clocks: the database's clock decides what is due."""

import functools
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.database_clock import database_now
from tasks.worker.beat_scheduler import HANDFUL
from tests.builders import a_session, a_student
from tests.command_line import celery
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import Running, running

pytestmark = pytest.mark.long

# Those that beat had posted before its clock was set: in the queue, and in the worker's one process
# and taken for it.
MORE_THAN_WAITED = HANDFUL + 2 + 1

# Python's time.sleep waits until an instant of the monotonic clock, which libfaketime refuses with
# EINVAL; select waits for a number of seconds.
SLEEP_BY_SELECT = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


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


def test_a_worker_whose_clock_is_ahead_says_so_and_clocks_that_are_set_stop_no_tick(
    conn: Connection, database: str, valkey: str, tmp_path: Path
) -> None:
    beats, workers = settable_clock(tmp_path / "beat"), settable_clock(tmp_path / "worker")
    workers.set(6)
    with (
        running(database, valkey, **beats.environment) as beating,
        running(database, valkey, **workers.environment) as site,
    ):
        site.worker(concurrency=1)
        beating.beat()
        eventually(lambda: ticks(conn) is not None)
        assert "this machine's clock is 6 s ahead of PostgreSQL's" in site.log()

        for seconds, jump in ((-600, "set by -600 s"), (600, "set by +1200 s")):
            workers.set(seconds)
            beats.set(seconds)
            eventually(functools.partial(has_said, beating, jump))
            since = database_now(conn)
            seen = later_ticks(conn, since, MORE_THAN_WAITED)
            assert seen[-1] <= database_now(conn)  # by PostgreSQL's clock
            longest = max(after - before for before, after in pairwise([since, *seen]))
            print(f"measured: {jump}: longest without a tick {longest.total_seconds():.1f} s")


@dataclass(frozen=True, slots=True)
class SettableClock:
    """The wall clock of the processes that run in its environment."""

    environment: dict[str, Any]
    shift: Path

    def set(self, seconds: int) -> None:
        """To so many seconds from the machine's."""
        new = self.shift.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(self.shift)  # a file that is half written is another time


def settable_clock(folder: Path) -> SettableClock:
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLEEP_BY_SELECT)
    shift = folder / "shift"
    followed = {"FAKETIME_TIMESTAMP_FILE": str(shift), "FAKETIME_NO_CACHE": "1"}
    right = {name: value for name, value in clock("").items() if name != "FAKETIME"}
    made = SettableClock({**right, **followed, "PYTHONPATH": str(folder)}, shift)
    made.set(0)
    return made


def has_said(site: Running, words: str) -> bool:
    return words in site.log()


def later_ticks(conn: Connection, since: datetime, number: int) -> list[datetime]:
    """The instants of so many ticks after this one."""
    seen = set[datetime]()

    def enough() -> bool:
        at: datetime = ticks(conn)
        seen.update([at] if at > since else [])
        return len(seen) >= number

    eventually(enough)
    return sorted(seen)


def ticks(conn: Connection) -> Any:
    """When the last tick was."""
    conn.rollback()
    return conn.scalar(text("SELECT ticked_at FROM session_worker.installation"))
