"""Windows of starts that a planning pass reads: instants for each lead, and their wall times.

The tick reads sessions that newly fall due, the sweep all that have not begun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.message import Kind
from scheduler.settings import Settings

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lead:
    """Time between the due time of a kind of message and the start."""

    kind: Kind
    before: timedelta

    @property
    def minutes(self) -> int:
        """Whole minutes, rounded up, as in the ledger's key."""
        return -(-self.before // MINUTE)


@dataclass(frozen=True, slots=True)
class Window:
    """Starts in (after, until], both aware, for which messages of `lead` must be in the ledger."""

    lead: Lead
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Walls:
    """Range of wall times that covers all wall times of a window's instants."""

    first: datetime
    last: datetime


# PostgreSQL's last time of day, which Python's `time` does not have.
MIDNIGHT, NEXT_MIDNIGHT = "00:00", "24:00"


@dataclass(frozen=True, slots=True)
class Slot:
    """Ranges of days and of times of day, ends included. PostgreSQL can estimate these, but not a
    range of (day, time) pairs."""

    first_day: date
    last_day: date
    first_time: str
    last_time: str


def newly_due(
    leads: Iterable[Lead], planned_until: datetime, horizon: datetime
) -> tuple[Window, ...]:
    """Windows of what falls due in (planned_until, horizon], for the tick."""
    if planned_until >= horizon:
        return ()
    return tuple(Window(lead, planned_until + lead.before, horizon + lead.before) for lead in leads)


def all_due(leads: Iterable[Lead], since: datetime, horizon: datetime) -> tuple[Window, ...]:
    """Windows of what is due by the horizon and begins after `since`: also overdue messages, and
    sessions entered or switched on late."""
    return tuple(Window(lead, since, horizon + lead.before) for lead in leads)


def early_for_quiet(
    leads: Iterable[Lead], since: datetime, horizon: datetime
) -> tuple[Window, ...]:
    """Windows of reminders due in the day after the horizon: quiet hours may bring them forward."""
    return tuple(
        Window(lead, max(since, horizon + lead.before), horizon + lead.before + DAY)
        for lead in leads
        if lead.kind is Kind.REMINDER
    )


def reminder_leads(leads: Sequence[timedelta]) -> tuple[Lead, ...]:
    """The leads of reminders, for REMINDER_LEADS."""
    return tuple(Lead(Kind.REMINDER, before) for before in leads)


def alarm_leads(minutes: Iterable[int]) -> tuple[Lead, ...]:
    """The leads of alarms that are due this many minutes before the start."""
    return tuple(Lead(Kind.ALARM, number * MINUTE) for number in minutes)


def escalation_leads(settings: Settings) -> tuple[Lead, ...]:
    """The lead of alarms that are passed on (ESCALATE); none where nobody gets alarms."""
    wanted = settings.escalate if settings.alarm_recipients else None
    return () if wanted is None else (Lead(Kind.ESCALATION, wanted.before),)


def walls(window: Window, zone: ZoneInfo) -> Walls:
    """Range of the wall times of the window's instants in `zone`, ends included.

    A wall time differs from its instant by an offset that is in force within a day of it, in a gap
    or a fold too. Where the offset does not change, the range is exact; otherwise it is wider.
    """
    days = (window.until - window.after) // DAY + 3
    offsets = [_offset(window.after + (n - 1) * DAY, zone) for n in range(days + 1)]
    utc_after, utc_until = (_naive(instant) for instant in (window.after, window.until))
    return Walls(utc_after + min(offsets), utc_until + max(offsets))


def slots(windows: Iterable[Window], zone: ZoneInfo) -> list[Slot]:
    """Wall times of all windows as disjoint ascending slots, so that each row is read once."""
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
    """The range split at midnight, with the full days in between as one slot."""
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
