"""Readings of a service's own words about a message."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Protocol

from tasks.channels.web.seen import WebSeen


class Stance(Enum):
    """Acceptance or refusal of a message in a service's own words."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"  # yes to one part of it, no to another
    NEITHER = "neither"  # nothing that this service is known to say


@dataclass(frozen=True, slots=True)
class Reading:
    """`refusal`: what kind of no it is; None where the service leaves that open. `words`: the
    service's, empty where it has none. `provider_id`: what the service calls the message. `wait`:
    how long it bids to wait."""

    stance: Stance
    words: str = ""
    refusal: WebSeen | None = None
    provider_id: str | None = None
    wait: timedelta | None = None


class Reader(Protocol):
    """Reads the bodies of one service."""

    @property
    def tells(self) -> bool:
        """Whether this service is known to say yes in its body, so that silence is none."""

    def read(self, body: bytes, status: int) -> Reading:
        """What the body of an answer under this status says, whatever the status says."""
