"""Output of a command: one JSON document, or text for a person."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.console import Console

VERSION = 1
# Wide enough for any table in a pipe; a table takes only the width that it needs.
PIPE_WIDTH = 240


def json_document(report: "Mapping[str, Any] | DataclassInstance") -> str:
    """The report as one line of JSON with a "version" key; instants in ISO 8601, ids as numbers."""
    content = report if isinstance(report, Mapping) else fields_of(report)
    return json.dumps({"version": VERSION, **content}, default=plain, allow_nan=False)


def plain(value: Any) -> Any:
    """A value that JSON does not know.

    By hand: pydantic_core.to_jsonable_python takes an instant without a zone, and NaN, without a
    word, and writes another text for the same instant (`Z`).
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value} is no instant: it has no zone")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return fields_of(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def fields_of(value: "DataclassInstance") -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def console() -> "Console":
    """The console for text: coloured on a terminal, plain in a pipe.

    Text is printed literally: brackets and colons in the site's texts are no markup.
    """
    from rich.console import Console  # slow to import

    out = Console(markup=False, emoji=False, highlight=False, no_color=no_color())
    if not out.is_terminal:
        out.width = PIPE_WIDTH
    return out


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show work that takes long on a terminal: how much is done, the rate, and the time left.

    Yields a function that takes how much is done, and how much there is in all.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # slow to import

    from tasks.commands.progress import counted_columns, shown

    with shown(Console(stderr=True, no_color=no_color()), what, counted_columns()) as tell:
        yield tell


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Show on a terminal that work takes long, and for how long already."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # slow to import

    from tasks.commands.progress import shown, timed_columns

    with shown(Console(stderr=True, no_color=no_color()), what, timed_columns()):
        yield


def no_color() -> bool | None:
    """Celery's own --no-color; None leaves it to the terminal and NO_COLOR."""
    context = click.get_current_context(silent=True)
    return True if context and getattr(context.obj, "no_color", False) else None


def let_output_go() -> None:
    """Drop unwritten output, as a further try at the exit would end in a traceback."""
    with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def write_any_letter() -> None:
    """Replace letters that the terminal's encoding does not have, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
