"""Permits to send within a channel's rate (CHANNEL_X_RATE)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scheduler.settings import ChannelName, ChannelSettings
from tasks.channels.channel import Channel
from tasks.delivery.stop import Stop

NOW = timedelta(0)


@dataclass
class Permits:
    """Permits of a batch. `patience`: the longest wait for one.

    A message that would wait longer is postponed, and so are all after it, which would overtake it
    otherwise; each one place later than the one before, so that they do not come back at once.
    """

    channels: Mapping[ChannelName, Channel]
    limits: Mapping[ChannelName, ChannelSettings]
    patience: timedelta
    stop: Stop
    turned_away: dict[ChannelName, timedelta] = field(default_factory=dict)

    def take(self, channel: ChannelName) -> bool:
        """Take a permit; False where there is none now."""
        return (
            channel not in self.turned_away
            and self.channels[channel].permit(datetime.now(UTC)) <= NOW
        )

    def wait_for(self, channel: ChannelName) -> timedelta:
        """Wait for a permit within `patience`. Returns zero if it was taken, or the time from now
        after which to try again."""
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
