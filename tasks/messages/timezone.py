"""VTIMEZONE components (RFC 5545, 3.6.5) written from Python's zoneinfo.

Those of icalendar begin summer time an hour late, and vobject misreads those with an RDATE. These
have one observance for each change of the clocks around the event, without RRULE and RDATE.
"""

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

from scheduler.zone_data import zone_named

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
FIRST_YEAR, LAST_YEAR = MINYEAR + 1, MAXYEAR - 1  # leaves room for the zone's offset at both ends


def timezone_of(zone: ZoneInfo, instants: Iterable[datetime]) -> bytes:
    """The zone's VTIMEZONE, valid from the year before to the year after each instant.

    Serialised and cached: nearly all messages of a day need the same, and writing it takes longer
    than writing the event.
    """
    years = {instant.year + by for instant in instants for by in (-1, 0, 1)}
    return timezone_of_years(zone.key, tuple(sorted(years)))


@lru_cache(maxsize=64)
def timezone_of_years(key: str, years: tuple[int, ...]) -> bytes:
    zone, known = zone_named(key), None
    component = Timezone()
    component.add("tzid", key)
    for year in years:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            continue
        begins = datetime(year, 1, 1, tzinfo=UTC)
        if known != offset(zone, begins):
            component.add_component(observance(zone, begins, begins))
        for instant in changes(zone, begins, datetime(year + 1, 1, 1, tzinfo=UTC)):
            component.add_component(observance(zone, instant - SECOND, instant))
        known = offset(zone, datetime(year + 1, 1, 1, tzinfo=UTC))
    return bytes(component.to_ical())


def changes(zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[datetime]:
    """The instants (UTC) at which the zone's offset changes."""
    day = begins
    while day < ends:
        if offset(zone, day) != offset(zone, day + DAY):
            yield change_between(zone, day, day + DAY)
        day += DAY


def change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of the offset in force at `after`."""
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if offset(zone, middle) == offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def observance(
    zone: ZoneInfo, before: datetime, instant: datetime
) -> TimezoneStandard | TimezoneDaylight:
    """The observance in force from `instant` on. Its DTSTART is the wall time just before the
    change (RFC 5545: "the onset … in the offset before")."""
    local, offset_before = instant.astimezone(zone), offset(zone, before)
    component = TimezoneDaylight() if local.dst() else TimezoneStandard()
    component.add("dtstart", (instant + offset_before).replace(tzinfo=None))
    component.add("tzoffsetfrom", offset_before)
    component.add("tzoffsetto", offset(zone, instant))
    component.add("tzname", local.tzname())
    return component


def offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
