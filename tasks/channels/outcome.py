"""How one try of a message ended, as the transport saw it (promise 3)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Result(StrEnum):
    SENT = "sent"  # the provider accepted it
    FAILED = "failed"  # refused, or never handed over: trying again cannot double it
    UNKNOWN = "unknown"  # handed over and never answered: it may have arrived


@dataclass(frozen=True, slots=True)
class Outcome:
    """`final`: a failure that trying the same channel again will not mend (550, 404, 401).
    `wait`: the provider's Retry-After. `words`: its answer or the error, without addresses,
    tokens or passwords, at most 200 characters."""

    result: Result
    words: str
    final: bool = False
    wait: timedelta | None = None
