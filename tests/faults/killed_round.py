"""One round of the worker in a process that kills itself at its n-th point: before or after a
statement, or before a commit. Product code knows nothing of it.

Imported by tests.faults.killed_steps, whose processes are forked from one that has this loaded.
"""

import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import babel.dates  # noqa: F401  (a round imports it late)
from sqlalchemy import Connection, Engine, event

from scheduler.expansion import expand
from scheduler.settings import load_settings
from tasks.admin.remind import remind
from tasks.database import engine, engine_now
from tasks.delivery.tools import tools_of

REPOSITORY = Path(__file__).parents[2]
STEP = "step of the last statement"  # in a connection's `info`


def run(urls: dict[str, str], kind: str, point: int, told: Pipe) -> None:
    """`kind`: 'expansion' or 'delivery'. `told` gets the step's name just before the end, or, where
    the round has fewer points, how many it has. Point 0 is never reached."""
    settings = load_settings(_env_file=None, **urls)
    made = engine(settings)
    killer = Killer(point, told)
    killer.watch(made)
    if kind == "expansion":
        expand(made, settings, engine_now(made))
    else:
        remind(tools_of(made, settings), None)
    told.send(point - killer.left)


def warm() -> None:
    """Load what a first round loads late, so that forked processes need not."""
    nowhere = {"database_url": "postgresql://nobody@localhost/none", "channel_webhook": "json://x/"}
    settings = load_settings(_env_file=None, **nowhere)
    tools_of(engine(settings), settings)


warm()


class Killer:
    """Counts the points of a process, and ends it at the n-th."""

    def __init__(self, point: int, told: Pipe) -> None:
        self.left, self.told = point, told

    def watch(self, made: Engine) -> None:
        event.listen(made, "before_cursor_execute", self.before)
        event.listen(made, "after_cursor_execute", self.after)
        event.listen(made, "commit", self.commit)

    def before(self, conn: Connection, *_: Any) -> None:
        conn.info[STEP] = step(callers())
        self.at(conn.info[STEP])

    def after(self, conn: Connection, *_: Any) -> None:
        self.at(conn.info[STEP])

    def commit(self, conn: Connection) -> None:
        self.at(conn.info.get(STEP, "planning"))

    def at(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.told.send(name)
            os.kill(os.getpid(), signal.SIGKILL)


def callers() -> Iterator[tuple[str, str]]:
    """File and function of each caller in the product, innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(REPOSITORY) and file != Path(__file__):
            yield file.relative_to(REPOSITORY).as_posix(), frame.f_code.co_name
        frame = frame.f_back  # type: ignore[assignment]


def step(stack: Iterator[tuple[str, str]]) -> str:
    """expansion, planning, claiming, sending or recording."""
    for file, function in stack:
        if file.startswith("scheduler/expansion/"):
            return "expansion"
        if file.endswith(("moves/claims.py", "begun_batches.py")):
            return "claiming"
        if function.startswith(("mark_", "_end_try")) or "/record_" in file:
            return "recording"
        if file.startswith("tasks/delivery/") or file.endswith("moves/sending.py"):
            return "sending"
    return "planning"
