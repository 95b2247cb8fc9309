"""Lanes: a worker process's connections to each provider, a few for each channel.

A channel that hangs keeps its own lane busy, and no other's. Batches come and go, lanes stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from scheduler.settings import ChannelName, ChannelSettings

# Connections of a worker process to a provider, each with one to the database.
CONNECTIONS = 4
# Messages a second: below it a channel keeps order on one connection, and loses nothing by it.
SLOW = 20


class UnderWay(Protocol):
    """A batch whose shares are not all at their end (tasks.delivery.batch.Run)."""

    def give_back(self) -> None: ...

    def wait(self, seconds: float | None) -> bool: ...

    def give_up(self) -> None: ...


@dataclass
class Lanes:
    """Counts the threads that send by each channel. `under_way`: the batches they belong to."""

    channels: Mapping[ChannelName, ChannelSettings]
    under_way: set[UnderWay] = field(default_factory=set)
    _busy: dict[ChannelName, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, channel: ChannelName, wanted: int) -> int:
        """How many of the wanted connections are the caller's now; `leave` each when done."""
        with self._lock:
            busy = self._busy.get(channel, 0)
            taken = max(0, min(wanted, self.width(channel) - busy))
            self._busy[channel] = busy + taken
            return taken

    def leave(self, channel: ChannelName) -> None:
        with self._lock:
            self._busy[channel] -= 1

    def width(self, channel: ChannelName) -> int:
        """One where the channel's rate is slow: several would race past the soonest start."""
        settings = self.channels.get(channel)
        rate = None if settings is None else settings.rate
        slow = rate is not None and rate.count / rate.per.total_seconds() < SLOW
        return 1 if slow else CONNECTIONS
