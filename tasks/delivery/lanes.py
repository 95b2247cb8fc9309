"""Lanes: a worker process's connections to each provider, a few for each channel.

A channel that hangs occupies only its own lane. Lanes outlive batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from scheduler.settings import ChannelName, ChannelSettings
from tasks.delivery.group_commit import GroupCommit

# Connections of a worker process to a provider, each with one to the database.
CONNECTIONS = 4
# Messages a second: a slower channel uses one connection, which keeps the order and is fast enough.
SLOW = 20


class UnderWay(Protocol):
    """A batch with unfinished shares (tasks.delivery.batch.Run)."""

    def give_back(self) -> None: ...

    def wait(self, seconds: float | None) -> bool: ...

    def give_up(self) -> None: ...


@dataclass
class Lanes:
    """Counts of the threads that send by each channel. `commits`: what they share commits by;
    `under_way`: their batches."""

    channels: Mapping[ChannelName, ChannelSettings]
    commits: GroupCommit = field(default_factory=GroupCommit)
    under_way: set[UnderWay] = field(default_factory=set)
    _busy: dict[ChannelName, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, channel: ChannelName, wanted: int) -> int:
        """Take up to `wanted` connections. Returns their number; `leave` each when done."""
        with self._lock:
            busy = self._busy.get(channel, 0)
            taken = max(0, min(wanted, self.width(channel) - busy))
            self._busy[channel] = busy + taken
            return taken

    def leave(self, channel: ChannelName) -> None:
        with self._lock:
            self._busy[channel] -= 1

    def width(self, channel: ChannelName) -> int:
        """Number of connections of a channel: one where its rate is slow, to keep the order."""
        settings = self.channels.get(channel)
        rate = None if settings is None else settings.rate
        slow = rate is not None and rate.count / rate.per.total_seconds() < SLOW
        return 1 if slow else CONNECTIONS
