"""Zones by the database's zone data, where the machine's differs (design, "Zones").

Messages are planned by the database's clock and zone data, and must name the same hours. A zone
that differs is rebuilt as a ZoneInfo from the database's offsets.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Offset:
    """From `begins_at` (aware) on, wall time is UTC plus `offset`."""

    begins_at: datetime
    offset: timedelta


@dataclass(frozen=True, slots=True)
class Difference:
    """The first instant at which the database and the machine disagree about a zone."""

    zone: str
    at: datetime
    database: timedelta
    machine: timedelta


_FROM_DATABASE: dict[str, ZoneInfo] = {}


def zone_named(name: str) -> ZoneInfo:
    """The zone by its IANA name: the database's where it is known to differ, else the machine's.

    Raises ZoneInfoNotFoundError or ValueError, as ZoneInfo does, for an unknown name.
    """
    return _FROM_DATABASE.get(name) or ZoneInfo(name)


def use_database_zone(name: str, offsets: Sequence[Offset]) -> None:
    """Make this process use the database's offsets for the zone."""
    _FROM_DATABASE[name] = ZoneInfo.from_file(BytesIO(_tzif(offsets)), key=name)


def use_machine_zone(name: str) -> None:
    """Make this process use the machine's data for the zone again."""
    _FROM_DATABASE.pop(name, None)


def difference(name: str, offsets: Sequence[Offset], until: datetime) -> Difference | None:
    """First difference of the machine's zone data from the database's offsets, before `until`.

    Compared at the database's changes, a minute before them, and at each quarter of an hour on
    which the machine's offset changes.
    """
    zone = ZoneInfo(name)
    for at in sorted({*_edges(offsets), *_changes(zone, offsets[0].begins_at, until)}):
        database, machine = _offset_at(offsets, at), at.astimezone(zone).utcoffset()
        if offsets[0].begins_at <= at < until and database != machine:
            return Difference(name, at, database, machine or timedelta())
    return None


def _edges(offsets: Sequence[Offset]) -> set[datetime]:
    return {at for one in offsets for at in (one.begins_at - MINUTE, one.begins_at)}


def _changes(zone: ZoneInfo, first: datetime, until: datetime) -> set[datetime]:
    """Quarters of an hour at which the zone's offset changes, found by halving days."""
    found, day = set[datetime](), first
    while day < until:
        later = day + timedelta(days=1)
        if _utcoffset(zone, day) != _utcoffset(zone, later):
            low, high = day, later
            while high - low > timedelta(minutes=15):
                middle = low + (high - low) / 2
                if _utcoffset(zone, middle) == _utcoffset(zone, low):
                    low = middle
                else:
                    high = middle
            found.add(high)
        day = later
    return found


def _utcoffset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _offset_at(offsets: Sequence[Offset], at: datetime) -> timedelta:
    known = [one.offset for one in offsets if one.begins_at <= at]
    return known[-1] if known else offsets[0].offset


def _tzif(offsets: Sequence[Offset]) -> bytes:
    """The offsets as a TZif file (RFC 8536, version 2), without abbreviations."""
    kinds = list(dict.fromkeys(one.offset for one in offsets))
    times = [(one.begins_at - EPOCH) // timedelta(seconds=1) for one in offsets]
    counts = struct.pack(">6l", 0, 0, 0, len(times), len(kinds), 1)
    empty = struct.pack(">6l", 0, 0, 0, 0, 1, 1)
    header = b"TZif2" + bytes(15)
    body = struct.pack(f">{len(times)}q", *times)
    body += bytes(kinds.index(one.offset) for one in offsets)
    body += b"".join(struct.pack(">lbb", int(kind.total_seconds()), 0, 0) for kind in kinds)
    first = struct.pack(">lbb", int(kinds[0].total_seconds()), 0, 0) + b"\0"
    return header + empty + first + header + counts + body + b"\0" + b"\n\n"
