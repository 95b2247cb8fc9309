"""Waiting for a place within a channel's rate (CHANNEL_X_RATE)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scheduler.settings import ChannelName, ChannelSettings
from tasks.channels.channel import Channel
from tasks.delivery.stop import Stop

NOW = timedelta(0)


@dataclass
class Permits:
    """`patience`: the longest wait in place. What would wait longer goes back to the ledger, and so
    does all that comes after it, or it would be overtaken; each a place later than the one before,
    so that the ledger is not asked again and again."""

    channels: Mapping[ChannelName, Channel]
    limits: Mapping[ChannelName, ChannelSettings]
    patience: timedelta
    stop: Stop
    turned_away: dict[ChannelName, timedelta] = field(default_factory=dict)

    def take(self, channel: ChannelName) -> bool:
        """Whether there is a place now; then it is taken."""
        return (
            channel not in self.turned_away
            and self.channels[channel].permit(datetime.now(UTC)) <= NOW
        )

    def wait_for(self, channel: ChannelName) -> timedelta:
        """Zero, with a place taken after a wait; or how long from now to try again."""
        while channel not in self.turned_away:
            wait = self.channels[channel].permit(datetime.now(UTC))
            if wait <= NOW:
                return NOW
            if wait > self.patience:
                return self.turn_away(channel, wait)
            self.stop.sleep(wait.total_seconds())
            if self.stop.asked:
                return wait
        return self.turn_away(channel, self.turned_away[channel] + self.pace(channel))

    def turn_away(self, channel: ChannelName, wait: timedelta) -> timedelta:
        self.turned_away[channel] = wait
        return wait

    def pace(self, channel: ChannelName) -> timedelta:
        rate = self.limits[channel].rate
        return NOW if rate is None else rate.per / rate.count
