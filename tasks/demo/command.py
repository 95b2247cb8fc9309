"""`celery -A tasks demo`: see the worker at work, without a server and without a site."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import WorkerCommand, console, json_document

if TYPE_CHECKING:
    from types import FrameType

    from tasks.demo.display import Document, Lines, Screen
    from tasks.demo.summary import Summary


@click.command(cls=WorkerCommand)
@click.option("--stay", is_flag=True, help="Keep everything running until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: the closing summary.")
def demo(stay: bool, as_json: bool) -> None:
    """Watch rules become rows, and a reminder and an alarm arrive, within a minute.

    Starts PostgreSQL, Valkey and a mail server of its own in a temporary folder, on an example
    site with sessions as messy as real ones, and runs beat and a worker on it. No setting of yours
    is read, nothing leaves this machine, and nothing is left behind.

    Example: celery -A tasks demo --stay
    """
    from tasks.demo.packages import require_packages

    require_packages()
    from tasks.demo.scenario import Ending, play  # slow to import

    signal.signal(signal.SIGTERM, as_ctrl_c)
    with as_document() if as_json else shown() as display:
        play(display, Ending.AT_CTRL_C if stay else Ending.AT_ONCE)


def as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def as_document() -> Document:
    from tasks.demo.display import Document

    return Document(document)


def document(summary: Summary) -> str:
    from tasks.demo.summary import document

    return json_document(document(summary))


def shown() -> Screen | Lines:
    """Live in a terminal, line by line in a pipe."""
    from tasks.demo.display import Lines, Screen

    out = console()
    return Screen(out) if out.is_terminal else Lines(out)
