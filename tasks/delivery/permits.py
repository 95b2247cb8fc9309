"""Waiting for a place within a channel's rate (CHANNEL_X_RATE)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scheduler.settings import ChannelName, ChannelSettings
from tasks.channels.channel import Channel

NOW = timedelta(0)


@dataclass
class Permits:
    """`patience`: the longest wait in place. What would wait longer goes back to the ledger, each
    a place later than the one before, so that the ledger is not asked again and again."""

    channels: Mapping[ChannelName, Channel]
    limits: Mapping[ChannelName, ChannelSettings]
    patience: timedelta
    turned_away: dict[ChannelName, int] = field(default_factory=dict)

    def take(self, channel: ChannelName) -> bool:
        """Whether there is a place now; then it is taken."""
        return self.channels[channel].permit(datetime.now(UTC)) <= NOW

    def wait_for(self, channel: ChannelName) -> timedelta:
        """Zero, with a place taken after a wait; or how long from now to try again."""
        while (wait := self.channels[channel].permit(datetime.now(UTC))) > NOW:
            if wait > self.patience:
                return wait + self.place(channel)
            time.sleep(wait.total_seconds())
        return NOW

    def place(self, channel: ChannelName) -> timedelta:
        ahead = self.turned_away.get(channel, 0)
        self.turned_away[channel] = ahead + 1
        rate = self.limits[channel].rate
        return NOW if rate is None else ahead * rate.per / rate.count
