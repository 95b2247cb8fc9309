"""Comparison of PostgreSQL's zone data with the machine's, for the zones used in messages."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.settings import Settings
from scheduler.zone_data import Difference, Offset, difference, use_database_zone, use_machine_zone

# A message is planned for the coming weeks at most; changes of a zone are announced months ahead.
AHEAD = timedelta(days=366)
BACK = timedelta(days=31)

# A few rows: names that PostgreSQL and Python both know.
ZONES = text("""
    SELECT name FROM session_worker.zone
     WHERE name = :site OR name IN (SELECT zone FROM session_worker.preference)
     ORDER BY name""")

# The offset at each quarter of an hour, where it differs from the one before: no zone changes at
# another minute. No table of the site's is read.
OFFSETS = text("""
    WITH seen AS (
        SELECT z.name, at, (at AT TIME ZONE z.name) - (at AT TIME ZONE 'UTC') AS wall
          FROM unnest(CAST(:names AS text[])) AS z(name),
               generate_series(CAST(:first AS timestamptz), :until, interval '15 minutes') AS at)
    SELECT name, at, wall FROM (
        SELECT seen.*, lag(wall) OVER (PARTITION BY name ORDER BY at) AS before FROM seen) marked
     WHERE before IS DISTINCT FROM wall
     ORDER BY name, at""")


def differences(conn: Connection, settings: Settings, now: datetime) -> Sequence[Difference]:
    """One Difference for each zone whose offsets differ between now and a year ahead."""
    found = []
    for name, offsets in database_offsets(conn, settings, now).items():
        if (one := difference(name, offsets, now + AHEAD)) is not None:
            found.append(one)
    return found


def follow_database_zones(
    conn: Connection, settings: Settings, now: datetime
) -> Sequence[Difference]:
    """Make this process use the database's offsets for zones that differ. Returns these zones."""
    found = []
    for name, offsets in database_offsets(conn, settings, now).items():
        one = difference(name, offsets, now + AHEAD)
        if one is None:
            use_machine_zone(name)
        else:
            use_database_zone(name, offsets)
            found.append(one)
    return found


def database_offsets(
    conn: Connection, settings: Settings, now: datetime
) -> dict[str, list[Offset]]:
    """Zone → its offsets from a month ago to a year ahead, as PostgreSQL has them."""
    names = list(conn.scalars(ZONES, {"site": settings.site_timezone}))
    first = (now - BACK).replace(minute=0, second=0, microsecond=0)
    offsets: dict[str, list[Offset]] = {}
    for name, at, wall in conn.execute(
        OFFSETS, {"names": names, "first": first, "until": now + AHEAD}
    ):
        offsets.setdefault(name, []).append(Offset(at, wall))
    return offsets


def in_words(one: Difference) -> str:
    """One line with both local times at the first instant that differs."""
    return (
        f"PostgreSQL and this machine differ about {one.zone} from {one.at:%Y-%m-%d %H:%M} UTC on:"
        f" {one.at + one.database:%H:%M} there, {one.at + one.machine:%H:%M} here"
    )
