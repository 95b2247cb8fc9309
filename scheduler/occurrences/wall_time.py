"""Instants of wall times, and the start and end of a session (design, "Rules")."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduler.rules import Finding

DAY = timedelta(days=1)
LONGEST_NIGHT = timedelta(hours=12)
LONGEST_DURATION_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Lasting:
    """Start and end of a session as naive wall times, and a finding about them."""

    starts: datetime
    ends: datetime
    finding: Finding | None = None


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive wall time in a zone, in UTC (RFC 5545, 3.3.5).

    A time in a gap moves forward by the gap (02:30 → 03:30); in a fold it is the earlier instant.
    Agrees with the SQL function session_worker.instant. The result is in UTC, as a datetime in a
    fold never equals a datetime of another zone (PEP 495), which would make a session look moved.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def lasting(
    session_date: date,
    start_time: time,
    end_time: time | None,
    duration: int | None,
    default_minutes: int,
) -> Lasting:
    """Start and end of a session in wall time. Agrees with the SQL session_worker.wall_end.

    `duration` (minutes) is used if it is from one minute to a day. Finding end_before_start:
    `end_time` is at or before the start, and more than 12 hours after it on the next day.
    """
    starts = datetime.combine(session_date, start_time)
    if end_time is None:
        return Lasting(starts, starts + minutes(duration, default_minutes))
    ends = datetime.combine(session_date, end_time)
    if ends > starts:
        return Lasting(starts, ends)
    if ends + DAY - starts <= LONGEST_NIGHT:
        return Lasting(starts, ends + DAY)
    odd = Finding("end_before_start", f"{start_time:%H:%M} to {end_time:%H:%M}")
    return Lasting(starts, starts + minutes(duration, default_minutes), odd)


def minutes(duration: int | None, default_minutes: int) -> timedelta:
    if duration is None or not 1 <= duration <= LONGEST_DURATION_MINUTES:
        return timedelta(minutes=default_minutes)
    return timedelta(minutes=duration)
