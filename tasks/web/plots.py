"""Plots as SVG: their lines and bars in numbers, which `plot.html` draws."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from scheduler.ledger.timeline import Slot

WIDTH, HEIGHT = 300, 80
# Seconds; the lowest that reaches above all values is the top of the plot.
TOPS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of a plot, in its units. `slot`: what it tells."""

    x: float
    y: float
    width: float
    height: float
    slot: Slot


@dataclass(frozen=True, slots=True)
class Plot:
    """`half`, `most`: the points of SVG polylines, which break where nothing was sent. `failed`:
    bars. `top_seconds`, `top_failed`: what the plot's upper edge stands for."""

    slots: Sequence[Slot]
    half: Sequence[str]
    most: Sequence[str]
    failed: Sequence[Bar]
    top_seconds: int
    top_failed: int
    sent: int
    failures: int
    worst: float | None


def plot_of(slots: Sequence[Slot]) -> Plot:
    """The plot of slots of equal length."""
    late = [slot.most for slot in slots if slot.most is not None]
    top_seconds = next((top for top in TOPS if top >= max(late, default=0)), TOPS[-1])
    top_failed = nice(max((slot.failed for slot in slots), default=0))
    return Plot(
        slots=slots,
        half=[*lines(slots, lambda slot: slot.half, top_seconds)],
        most=[*lines(slots, lambda slot: slot.most, top_seconds)],
        failed=[*bars(slots, top_failed)],
        top_seconds=top_seconds,
        top_failed=top_failed,
        sent=sum(slot.sent for slot in slots),
        failures=sum(slot.failed for slot in slots),
        worst=max(late, default=None),
    )


def lines(
    slots: Sequence[Slot], value: Callable[[Slot], float | None], top: float
) -> Iterator[str]:
    """Polylines through slots that follow each other and have a value."""
    step = WIDTH / len(slots)
    numbered = [(place, value(slot)) for place, slot in enumerate(slots)]
    for has_value, run in groupby(numbered, key=lambda pair: pair[1] is not None):
        if has_value:
            points = [
                (step * place, HEIGHT * (1 - min(1.0, (seconds or 0) / top)))
                for place, seconds in run
            ]
            ends = (points[-1][0] + step, points[-1][1])  # a single slot is a line, too
            yield " ".join(f"{x:.1f},{y:.1f}" for x, y in [*points, ends])


def bars(slots: Sequence[Slot], top: int) -> Iterator[Bar]:
    step = WIDTH / len(slots)
    for place, slot in enumerate(slots):
        if slot.failed:
            height = HEIGHT * slot.failed / top
            yield Bar(
                round(step * place, 1), round(HEIGHT - height, 1), round(step, 1), round(height, 1),
                slot,
            )  # fmt: skip


def nice(count: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 … that is not below the count."""
    if count <= 1:
        return 1
    power = int(10 ** math.floor(math.log10(count)))
    return next(top for top in (power, 2 * power, 5 * power, 10 * power) if top >= count)
