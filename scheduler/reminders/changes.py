"""The ledger rows that a planning pass changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """Ledger rows that a pass moved. `made` are those made or brought back, whatever became of
    them; `planned` those of them that still are. `held`: they were too many."""

    made: frozenset[int] = frozenset()
    planned: frozenset[int] = frozenset()
    expired: frozenset[int] = frozenset()
    obsolete: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()
