"""Result of reading a service's answer, and the interface of its readers."""

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
    NEITHER = "neither"  # an answer that this service is not known to give


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says. `refusal`: the kind of a no; None where the service does not say.
    `words`: the service's text, or ''. `provider_id`: the service's id of the message. `wait`: the
    delay that it asks for before another try."""

    stance: Stance
    words: str = ""
    refusal: WebSeen | None = None
    provider_id: str | None = None
    wait: timedelta | None = None


class Reader(Protocol):
    """Reads the bodies of one service."""

    @property
    def tells(self) -> bool:
        """True if this service confirms in its body, so that a body without a yes is no
        confirmation."""

    def read(self, body: bytes, status: int) -> Reading:
        """Read the body of an answer. `status` is context only: what it means by itself is judged
        elsewhere."""
