"""Which starts a planning pass looks at: a window of instants for each lead, and its wall times.

The tick looks at what newly falls due, the sweep at everything that has not begun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.message import Kind

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LONGEST_ALARM = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Lead:
    """How long before a start a kind of message is due."""

    kind: Kind
    before: timedelta

    @property
    def minutes(self) -> int:
        """As the ledger keys it: whole minutes, rounded up."""
        return -(-self.before // MINUTE)


@dataclass(frozen=True, slots=True)
class Window:
    """Starts in (after, until] for which messages of `lead` are to be in the ledger."""

    lead: Lead
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Walls:
    """Wall times among which all those are that mean an instant of a window."""

    first: datetime
    last: datetime

    @property
    def days(self) -> list[date]:
        count = (self.last.date() - self.first.date()).days + 1
        return [self.first.date() + n * DAY for n in range(count)]


def newly_due(
    leads: Iterable[Lead], planned_until: datetime, horizon: datetime
) -> tuple[Window, ...]:
    """What falls due in (planned_until, horizon], the tick's narrow windows."""
    return tuple(Window(lead, planned_until + lead.before, horizon + lead.before) for lead in leads)


def all_due(leads: Iterable[Lead], since: datetime, horizon: datetime) -> tuple[Window, ...]:
    """What is due by the horizon and begins after `since`: overdue, entered late, switched on."""
    return tuple(Window(lead, since, horizon + lead.before) for lead in leads)


def early_for_quiet(
    leads: Iterable[Lead], since: datetime, horizon: datetime
) -> tuple[Window, ...]:
    """Reminders due in the day after the horizon: quiet hours may want them sent by it."""
    return tuple(
        Window(lead, max(since, horizon + lead.before), horizon + lead.before + DAY)
        for lead in leads
        if lead.kind is Kind.REMINDER
    )


def reminder_leads(leads: Sequence[timedelta]) -> tuple[Lead, ...]:
    return tuple(Lead(Kind.REMINDER, before) for before in leads)


def alarm_leads(minutes: Iterable[int]) -> tuple[Lead, ...]:
    return tuple(Lead(Kind.ALARM, number * MINUTE) for number in minutes)


def walls(window: Window, zone: ZoneInfo) -> Walls:
    """The wall times that may mean an instant of the window, ends included.

    A wall time differs from its instant by an offset that holds within a day of it, also in a gap
    or a fold; where the offset does not change, the span is exact.
    """
    days = (window.until - window.after) // DAY + 3
    offsets = [_offset(window.after + (n - 1) * DAY, zone) for n in range(days + 1)]
    utc_after, utc_until = (_naive(instant) for instant in (window.after, window.until))
    return Walls(utc_after + min(offsets), utc_until + max(offsets))


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 (a zone always has one)
    return offset


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
