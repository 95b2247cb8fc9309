"""Progress of long work, on standard error of a terminal once it takes more than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

AFTER_SECONDS = 2.0
Tell = Callable[[int, int], None]


class Rate(ProgressColumn):
    """'412/s'"""

    def render(self, task: Task) -> Text:
        """Empty until two steps are done."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed and speed >= 1 else "", "progress.data.speed")


def counted_columns() -> tuple[ProgressColumn, ...]:
    """For work whose steps are counted."""
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )


def timed_columns() -> tuple[ProgressColumn, ...]:
    """For work that is one step."""
    return SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()


@contextmanager
def shown(console: Console, what: str, columns: tuple[ProgressColumn, ...]) -> Iterator[Tell]:
    """Yields a function that takes how much is done, and how much there is in all. The view is gone
    at the end."""
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=None)
    showing = Timer(AFTER_SECONDS, bar.start)
    showing.daemon = True
    showing.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        showing.cancel()
        showing.join()
        bar.stop()
