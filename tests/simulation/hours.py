"""The hours of a run: when the lessons begin, and how long before them somebody is told."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TODAY = date(2026, 12, 1)
ZONE = ZoneInfo("Africa/Addis_Ababa")


@dataclass(frozen=True, slots=True)
class Hours:
    """`starts`: wall times; the run begins at 09:00. `leads`, `alarm`: minutes before the start."""

    starts: tuple[time, ...]
    leads: tuple[int, int]
    alarm: int

    @property
    def all_leads(self) -> frozenset[int]:
        return frozenset({*self.leads, self.alarm})

    @property
    def instants(self) -> list[datetime]:
        """The starts as instants, in their order."""
        return sorted(datetime.combine(TODAY, start, ZONE).astimezone(UTC) for start in self.starts)


def hours(chance: random.Random) -> Hours:
    """Mostly near: then a channel that fails is passed over for the next. In the other runs the
    starts are more than an hour away, and a message waits for its channel."""
    if chance.random() < 0.8:
        return Hours(starts(3), (7, 3), 5)
    return Hours(starts(76), (80, 76), 78)


def starts(first: int) -> tuple[time, ...]:
    """Ten wall times, two minutes apart, the first so many minutes after 09:00."""
    begin = datetime.combine(TODAY, time(9), ZONE) + timedelta(minutes=first)
    return tuple((begin + timedelta(minutes=2 * number)).time() for number in range(10))
