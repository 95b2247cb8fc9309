"""A start as a person says it: in their zone, in their language, seen from now."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.message import GRACE
from scheduler.settings import Role

NOW_WITHIN = timedelta(seconds=30)
COUNTED_WITHIN = timedelta(hours=12)  # nearer starts are counted: "in 12 minutes", "in 5 hours"
FAR = 300  # days; from here on a date without its year could be misread


@dataclass(frozen=True, slots=True)
class Moment:
    """When a session begins and ends. All instants are in the person's zone.

    `wait` is the real time until the start, `length` that from start to end: wall times in one zone
    must not be subtracted, they forget a change of the clocks in between. `in_one_calendar`: brief
    dates are to take less room, in a language that tells them in two.
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
        """Date and time in little room: 'Fri 27 Nov 14:00'"""
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
        """What follows "was to begin": 'today at 14:00', 'on Friday 27 November at 14:00'"""
        return self.tongue.upon(self)

    @property
    def relative(self) -> str:
        """What follows "begins": 'now', 'in 12 minutes', 'tomorrow at 14:00'"""
        return self.tongue.relative(self)

    @property
    def told(self) -> str:
        """`relative` with the date and time in little room: 'in 12 minutes, Fri 27 Nov 14:00'"""
        return self.tongue.told(self)

    @property
    def timed(self) -> str:
        """`relative` with the time of day, true whenever it is read: 'in 12 minutes, at 14:00'"""
        return self.tongue.timed(self) if self.is_counted else self.relative

    @property
    def is_counted(self) -> bool:
        """Whether `relative` names no time of day."""
        return -GRACE <= self.wait < COUNTED_WITHIN

    @property
    def days_away(self) -> int:
        return (self.starts_at.date() - self.now.date()).days

    @property
    def is_far(self) -> bool:
        """Whether its date is told with the year."""
        return abs(self.days_away) > FAR


def moment(
    starts_at: datetime, ends_at: datetime | None, now: datetime, zone: ZoneInfo, tongue: "Tongue"
) -> Moment:
    """`starts_at`, `ends_at` and `now` are aware, in any zone."""
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
    """A language's way with times and people. One subclass each; stateless."""

    code: str
    session: str  # the subject of a session that has none
    no_link: str  # in place of the way into an online session that has no link yet

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
        """Whom the session is with, as a phrase for this role: 'with Sara'; '' where unknown"""

    @abstractmethod
    def replacement(self, role: Role, names: tuple[str, ...]) -> str:
        """'the tutor is now Sara'; without a name, that it is another"""

    @abstractmethod
    def names(self, students: tuple[str, ...]) -> str:
        """At most five names, the rest as a number: 'Abebe, Sara and 3 more'"""


def city(zone_key: str) -> str:
    """'America/New_York' → 'New York'; '' where the name tells no place (UTC, Etc/GMT+3)."""
    area, _, place = zone_key.rpartition("/")
    return "" if area in ("", "Etc") else place.replace("_", " ")
