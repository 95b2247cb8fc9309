"""Totals that only grow, from counts that are read again and again.

A counter of Prometheus must never fall, as a fall is taken for a new start. The ledger's counts do:
a failed message is retried, old rows are removed. So a total counts what was added between two
readings, from the start of the process on (docs/decisions/0140).
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Totals(Generic[Key]):
    """Totals by key since the first reading."""

    def __init__(self) -> None:
        self._last: dict[Key, float] | None = None
        self._totals: dict[Key, float] = {}

    def read(self, counts: Mapping[Key, float]) -> Mapping[Key, float]:
        """Add what the counts have grown by since the last reading. Returns all totals."""
        last = counts if self._last is None else self._last
        for key, count in counts.items():
            grown = max(0.0, count - last.get(key, 0.0))
            self._totals[key] = self._totals.get(key, 0.0) + grown
        self._last = dict(counts)
        return self._totals

    def start_again(self, counts: Mapping[Key, float]) -> None:
        """Compare the next reading with these counts: another span is counted from now on."""
        self._last = dict(counts)
