"""Tally of the ledger rows that a piece of work moved, by their new state."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of moved rows. `postponed`: back to `planned` for later; `released`: back to `planned`
    without a begin. `unknown` includes those held for lack of an answer."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    expired: int = 0
    obsolete: int = 0
    unreachable: int = 0
    postponed: int = 0
    released: int = 0

    @property
    def all(self) -> int:
        """Number of moves."""
        return sum(getattr(self, field.name) for field in fields(self))

    def __add__(self, other: "Tally") -> "Tally":
        names = [field.name for field in fields(self)]
        return Tally(*(getattr(self, name) + getattr(other, name) for name in names))


NOTHING = Tally()
