"""Measurement of contestants in turns: each works once a round, so that a busy minute of the
machine meets them all alike. The best round of each counts, and the spread says how far to trust
it."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Taken:
    """The amounts that a contestant took in the rounds, in the order of the rounds: the less the
    better."""

    amounts: Sequence[float]

    @property
    def best(self) -> float:
        return min(self.amounts)

    @property
    def spread(self) -> float:
        """The worst round as a multiple of the best."""
        return max(self.amounts) / self.best if self.best else float("inf")


Contestants = Mapping[str, Callable[[], float]]


def in_turns(contestants: Contestants, rounds: int = ROUNDS) -> dict[str, Taken]:
    """Let each contestant work once a round; each returns what it took, such as seconds."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            taken[name].append(work())
    return {name: Taken(amounts) for name, amounts in taken.items()}


def seconds_of(work: Callable[[], object]) -> float:
    """The wall time of the work."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def processor_seconds_of(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """The processor time of a process and of those that it waited for. Its output is dropped."""
    process = subprocess.Popen(
        words, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def show(title: str, taken: Mapping[str, Taken], peer: str, unit: str = "ms") -> None:
    """A table of the best rounds beside the peer's. Amounts in seconds are shown in `unit`."""
    scale = {"ms": 1000.0, "s": 1.0}.get(unit, 1.0)
    table = Table("", f"best, {unit}", "worst : best", f"× {peer}", title=title)
    for name, each in taken.items():
        ratio = each.best / taken[peer].best
        table.add_row(name, f"{scale * each.best:,.1f}", f"{each.spread:.2f}", f"{ratio:.2f}")
    Console().print(table)
