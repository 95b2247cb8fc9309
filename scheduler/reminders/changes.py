"""Ids of the ledger rows that a planning pass changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of the ledger rows that a pass changed.

    `made`: created or brought back, in whatever state; `planned`: those of `made` that are planned
    after the pass; `held`: held by the flood guard, as they were too many.
    """

    made: frozenset[int] = frozenset()
    planned: frozenset[int] = frozenset()
    expired: frozenset[int] = frozenset()
    obsolete: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()
