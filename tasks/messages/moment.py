"""Phrases for a session's time, in a person's time zone and language, relative to now."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.message import GRACE
from scheduler.settings import Role

NOW_WITHIN = timedelta(seconds=30)
COUNTED_WITHIN = timedelta(hours=12)  # nearer starts read "in 12 minutes", "in 5 hours"
FAR = 300  # days; dates farther away are written with the year


@dataclass(frozen=True, slots=True)
class Moment:
    """Start and end of a session, in the person's zone.

    `wait` is the elapsed time from now to the start, `length` that from start to end: subtracting
    wall times of one zone would ignore a change of the clocks. `in_one_calendar` shortens brief
    dates in a language that writes them in two calendars.
    """

    starts_at: datetime
    ends_at: datetime | None
    now: datetime
    wait: timedelta
    length: timedelta
    tongue: "Tongue"
    in_one_calendar: bool = False

    @property
    def date(self) -> str:
        """'Friday 27 November 2026'"""
        return self.tongue.full_date(self.starts_at.date())

    @property
    def brief_date(self) -> str:
        """'Fri 27 Nov'"""
        return self.tongue.brief_date(self)

    @property
    def clock(self) -> str:
        """'14:00'"""
        return self.tongue.clock(self.starts_at)

    @property
    def brief(self) -> str:
        """Date and time, short: 'Fri 27 Nov 14:00'"""
        return self.tongue.brief(self)

    @property
    def brief_clock(self) -> str:
        """'14:00'"""
        return self.tongue.brief_clock(self.starts_at)

    @property
    def span(self) -> str:
        """'14:00–15:00'"""
        return self.tongue.span(self)

    @property
    def zone(self) -> str:
        """'Addis Ababa time'"""
        return self.tongue.zone(self.starts_at)

    @property
    def day(self) -> str:
        """'today', 'tomorrow', 'Friday 27 November'"""
        return self.tongue.day(self)

    @property
    def at(self) -> str:
        """'today at 14:00', 'Friday 27 November at 14:00'"""
        return self.tongue.at(self)

    @property
    def upon(self) -> str:
        """The phrase after "was to begin": 'today at 14:00', 'on Friday 27 November at 14:00'"""
        return self.tongue.upon(self)

    @property
    def relative(self) -> str:
        """The phrase after "begins": 'now', 'in 12 minutes', 'tomorrow at 14:00'"""
        return self.tongue.relative(self)

    @property
    def told(self) -> str:
        """`relative` with the short date and time: 'in 12 minutes, Fri 27 Nov 14:00'"""
        return self.tongue.told(self)

    @property
    def timed(self) -> str:
        """`relative` with the time of day, for readers who open it late: 'in 12 minutes, at
        14:00'"""
        return self.tongue.timed(self) if self.is_counted else self.relative

    @property
    def is_counted(self) -> bool:
        """True if `relative` is a number of minutes or hours, without a time of day."""
        return -GRACE <= self.wait < COUNTED_WITHIN

    @property
    def days_away(self) -> int:
        return (self.starts_at.date() - self.now.date()).days

    @property
    def is_far(self) -> bool:
        """True if the date is written with the year."""
        return abs(self.days_away) > FAR


def moment(
    starts_at: datetime, ends_at: datetime | None, now: datetime, zone: ZoneInfo, tongue: "Tongue"
) -> Moment:
    """The moment in `zone`; `starts_at`, `ends_at` and `now` are aware, in any zone."""
    start = starts_at.astimezone(UTC)
    return Moment(
        starts_at=starts_at.astimezone(zone),
        ends_at=ends_at and ends_at.astimezone(zone),
        now=now.astimezone(zone),
        wait=start - now.astimezone(UTC),
        length=ends_at.astimezone(UTC) - start if ends_at else timedelta(0),
        tongue=tongue,
    )


class Tongue(ABC):
    """Phrases of one language for times and people. A stateless subclass for each language."""

    code: str
    session: str  # the subject of a session that has none
    no_link: str  # shown for an online session that has no link yet

    def relative(self, moment: Moment) -> str:
        if not moment.is_counted:
            return self.upon(moment)
        if moment.wait < NOW_WITHIN:
            return self.now()
        return self.after(timedelta(minutes=round(moment.wait / timedelta(minutes=1))))

    @abstractmethod
    def told(self, moment: Moment) -> str: ...

    @abstractmethod
    def timed(self, moment: Moment) -> str: ...

    @abstractmethod
    def now(self) -> str:
        """'now'"""

    @abstractmethod
    def after(self, wait: timedelta) -> str:
        """'in 12 minutes'; whole minutes, at least one"""

    @abstractmethod
    def upon(self, moment: Moment) -> str:
        """'tomorrow at 14:00', 'on Friday 27 November at 14:00'"""

    @abstractmethod
    def at(self, moment: Moment) -> str: ...

    @abstractmethod
    def day(self, moment: Moment) -> str: ...

    @abstractmethod
    def full_date(self, day: date) -> str: ...

    @abstractmethod
    def brief_date(self, moment: Moment) -> str: ...

    @abstractmethod
    def brief(self, moment: Moment) -> str: ...

    @abstractmethod
    def clock(self, wall: datetime) -> str: ...

    @abstractmethod
    def brief_clock(self, wall: datetime) -> str: ...

    @abstractmethod
    def span(self, moment: Moment) -> str: ...

    @abstractmethod
    def zone(self, wall: datetime) -> str: ...

    @abstractmethod
    def lasting(self, length: timedelta) -> str:
        """'1 hour 5 minutes'; whole minutes"""

    @abstractmethod
    def what(self, subject: str, who: str) -> str:
        """The session in a sentence: 'Mathematics with Sara'"""

    @abstractmethod
    def who(self, role: Role, tutor: str, students: tuple[str, ...]) -> str:
        """The other people of the session, for a reader in this role: 'with Sara'; '' if unknown"""

    @abstractmethod
    def replacement(self, role: Role, names: tuple[str, ...]) -> str:
        """'the tutor is now Sara'; without names, only that it is another person"""

    @abstractmethod
    def away(self, role: Role, reader: Role, names: tuple[str, ...]) -> str:
        """'Sara is away'; 'the tutor is away' without names; 'you are away' to that person"""

    @abstractmethod
    def names(self, students: tuple[str, ...]) -> str:
        """At most five names, the rest as a number: 'Abebe, Sara and 3 more'"""


def city(zone_key: str) -> str:
    """'America/New_York' → 'New York'; '' if the zone has no place name (UTC, Etc/GMT+3)."""
    area, _, place = zone_key.rpartition("/")
    return "" if area in ("", "Etc") else place.replace("_", " ")
