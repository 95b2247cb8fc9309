"""Windows of starts that a planning pass looks at: instants for each lead, and their wall times.

The tick looks at what newly falls due, the sweep at everything that has not begun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.message import Kind

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


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


# PostgreSQL's last time of day, which Python's do not know.
MIDNIGHT, NEXT_MIDNIGHT = "00:00", "24:00"


@dataclass(frozen=True, slots=True)
class Slot:
    """Days and times of day, ends included: what PostgreSQL can estimate, as it cannot pairs."""

    first_day: date
    last_day: date
    first_time: str
    last_time: str


def newly_due(
    leads: Iterable[Lead], planned_until: datetime, horizon: datetime
) -> tuple[Window, ...]:
    """What falls due in (planned_until, horizon], the tick's narrow windows."""
    if planned_until >= horizon:
        return ()
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


def slots(windows: Iterable[Window], zone: ZoneInfo) -> list[Slot]:
    """The wall times of all windows, apart and ascending: each row is read once."""
    return [
        slot for span in _apart(walls(window, zone) for window in windows) for slot in _split(span)
    ]


def _apart(spans: Iterable[Walls]) -> list[Walls]:
    apart: list[Walls] = []
    for span in sorted(spans, key=lambda span: span.first):
        if apart and span.first <= apart[-1].last:
            apart[-1] = Walls(apart[-1].first, max(apart[-1].last, span.last))
        else:
            apart.append(span)
    return apart


def _split(span: Walls) -> list[Slot]:
    """At midnight, with the full days between as one."""
    first, last = span.first.date(), span.last.date()
    begins, ends = str(span.first.time()), str(span.last.time())
    if first == last:
        return [Slot(first, last, begins, ends)]
    days = [Slot(first + DAY, last - DAY, MIDNIGHT, NEXT_MIDNIGHT)] if last - first > DAY else []
    return [
        Slot(first, first, begins, NEXT_MIDNIGHT), *days, Slot(last, last, MIDNIGHT, ends)
    ]  # fmt: skip


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 (a zone always has one)
    return offset


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
