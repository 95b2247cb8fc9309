"""`doctor --watch`: the examination again and again, as a live view or as one block a change."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.commands.worker_command import console, printable
from tasks.failures.lines import is_output_error

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tasks.admin.doctor import Examination

# From the end of one look to the beginning of the next; a look at 1,000,000 sessions takes two.
EVERY_SECONDS = 5.0
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True, slots=True)
class Look:
    """One examination. `failure`: lines about what prevented it, such as a server that is away."""

    at: datetime
    found: Examination | None
    failure: tuple[str, ...] = ()

    @property
    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Severity, detail and cure of each finding."""
        yield from (("error", line, "the next look follows") for line in self.failure)
        for each in self.found.findings if self.found else ():
            yield each.severity.value, each.detail, each.cure

    @property
    def gist(self) -> Sequence[tuple[str, str]]:
        """What makes two looks alike: "35 s ago" becomes "40 s ago" without a change."""
        return sorted((severity, NUMBER.sub("0", detail)) for severity, detail, _ in self.lines)


NUMBER = re.compile(r"\d+")


def watch(examine: Callable[[], Examination], now: Callable[[], datetime]) -> None:
    """Look until Ctrl-C. `now`: the present in the zone in which it is shown."""
    with view(console()) as show:
        while True:
            show(look(examine, now))
            time.sleep(EVERY_SECONDS)


def look(examine: Callable[[], Examination], now: Callable[[], datetime]) -> Look:
    """One look; a known failure is a part of the picture."""
    try:
        found = examine()
    except Exception as error:
        from tasks.failures.known import failure_of  # slow to import

        failure = failure_of(error)
        if failure is None or is_output_error(error):
            raise
        return Look(now(), None, failure.lines)
    return Look(now(), found)


@contextmanager
def view(out: Console) -> Iterator[Callable[[Look], None]]:
    """A way to show looks: in place on a terminal, else those that differ from the one before."""
    if not out.is_terminal:
        yield Changes(out).show
        return
    from rich.live import Live

    with Live(console=out, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda seen: live.update(picture(seen), refresh=True)


@dataclass(slots=True)
class Changes:
    """Blocks of plain lines, one for each change."""

    out: Console
    last: Sequence[tuple[str, str]] | None = None

    def show(self, seen: Look) -> None:
        if seen.gist == self.last:
            return
        self.last = seen.gist
        self.out.print(f"{seen.at:%Y-%m-%d %H:%M:%S %Z}")
        for severity, detail, cure in seen.lines:
            self.out.print(f"{severity}: {printable(detail)}\n  {printable(cure)}")
        self.out.print("" if self.last else "All is well.\n")
        self.out.file.flush()


def picture(seen: Look) -> RenderableType:
    """The findings as a table, above when they were found."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for severity, detail, cure in seen.lines:
        said = Text(printable(detail), STYLES[severity])
        said.append(f"\n{printable(cure)}", "default")
        table.add_row(Text(severity, STYLES[severity]), said)
    if not seen.gist:
        table.add_row(Text("All is well.", "green"))
    return Group(table, Text(f"{seen.at:%H:%M:%S %Z}, again after 5 s. Ctrl-C ends it.", "dim"))
