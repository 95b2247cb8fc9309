"""scheduler/occurrences/wall_time.py: zones, gaps and folds, lengths of sessions, and agreement
with PostgreSQL's functions in session_worker."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from sqlalchemy import Connection, text

from scheduler.occurrences import Lasting, instant, lasting
from scheduler.rules import Finding
from scheduler.settings import NO_ZONES, InvalidSetting, load_settings

ADDIS = ZoneInfo("Africa/Addis_Ababa")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SATURDAY = date(2026, 12, 19)
HOUR = 60

ASK_INSTANTS = text("""
    SELECT given.wall, session_worker.instant(given.wall, :zone) AS at
      FROM unnest(CAST(:walls AS timestamp[])) AS given(wall)""")

ASK_WALL_ENDS = text("""
    SELECT session_worker.wall_end(starts, end_time, duration, default_minutes) AS ends
      FROM unnest(CAST(:starts AS timestamp[]), CAST(:end_times AS time[]),
                  CAST(:durations AS integer[]), CAST(:defaults AS integer[]))
           WITH ORDINALITY AS given(starts, end_time, duration, default_minutes, number)
     ORDER BY number""")


def wall(written: str) -> datetime:
    return datetime.fromisoformat(written)


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("2026-12-17 14:00", ADDIS, "2026-12-17 11:00"),
        ("2026-03-08 01:59", NEW_YORK, "2026-03-08 06:59"),
        ("2026-03-08 03:00", NEW_YORK, "2026-03-08 07:00"),
        ("2026-11-01 00:59", NEW_YORK, "2026-11-01 04:59"),
        ("2026-11-01 02:00", NEW_YORK, "2026-11-01 07:00"),
    ],
)
def test_a_wall_time_is_an_instant_of_its_zone(written: str, zone: ZoneInfo, utc: str) -> None:
    assert instant(wall(written), zone) == wall(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "zone", "moved"),
    [
        ("2026-03-08 02:00", NEW_YORK, "2026-03-08 03:00"),
        ("2026-03-08 02:30", NEW_YORK, "2026-03-08 03:30"),
        ("2026-10-04 02:15", LORD_HOWE, "2026-10-04 02:45"),
    ],
)
def test_a_time_in_a_gap_moves_on_by_the_gap(written: str, zone: ZoneInfo, moved: str) -> None:
    at = instant(wall(written), zone)

    assert at.astimezone(zone).replace(tzinfo=None) == wall(moved)


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("2026-11-01 01:30", NEW_YORK, "2026-11-01 05:30"),
        ("2026-04-05 01:45", LORD_HOWE, "2026-04-04 14:45"),
    ],
)
def test_a_time_that_comes_twice_is_the_earlier(written: str, zone: ZoneInfo, utc: str) -> None:
    assert instant(wall(written), zone) == wall(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "duration", "ends"),
    [
        ("14:00", "15:30", 60, "2026-12-19 15:30"),
        ("22:30", "00:30", None, "2026-12-20 00:30"),
        ("20:00", "08:00", None, "2026-12-20 08:00"),
        ("14:00", None, None, "2026-12-19 15:00"),
        ("14:00", None, 90, "2026-12-19 15:30"),
        ("23:30", None, 90, "2026-12-20 01:00"),
        ("14:00", None, 0, "2026-12-19 15:00"),
        ("14:00", None, -5, "2026-12-19 15:00"),
        ("14:00", None, 1441, "2026-12-19 15:00"),
    ],
)
def test_a_session_lasts_until_its_end_or_as_long_as_its_duration(
    start: str, end: str | None, duration: int | None, ends: str
) -> None:
    end_time = time.fromisoformat(end) if end else None

    found = lasting(SATURDAY, time.fromisoformat(start), end_time, duration, HOUR)

    assert found == Lasting(wall(f"2026-12-19 {start}"), wall(ends))


@pytest.mark.parametrize(
    ("start", "end", "duration", "ends"),
    [
        ("14:00", "13:00", 90, "2026-12-19 15:30"),
        ("14:00", "14:00", None, "2026-12-19 15:00"),
        ("20:00", "08:01", None, "2026-12-19 21:00"),
    ],
)
def test_an_end_before_the_start_is_found_and_not_believed(
    start: str, end: str, duration: int | None, ends: str
) -> None:
    found = lasting(SATURDAY, time.fromisoformat(start), time.fromisoformat(end), duration, HOUR)

    assert found.ends == wall(ends)
    assert found.finding == Finding("end_before_start", f"{start} to {end}")


# PostgreSQL's half: the planner counts in SQL, the expansion in Python.


def test_the_database_agrees_when_a_session_ends(conn: Connection) -> None:
    random = Random("wall ends")
    times = [time(hour, minute) for hour in range(24) for minute in (0, 1, 30, 59)]
    rows = [
        (
            random.choice(times),
            random.choice([None, *times]),
            random.choice([None, -1, 0, 1, 45, 60, 1440, 1441]),
            random.choice([1, 60, 1440]),
        )
        for _ in range(5_000)
    ]

    asked = conn.scalars(
        ASK_WALL_ENDS,
        {
            "starts": [datetime.combine(SATURDAY, row[0]) for row in rows],
            "end_times": [row[1] for row in rows],
            "durations": [row[2] for row in rows],
            "defaults": [row[3] for row in rows],
        },
    )

    assert list(asked) == [lasting(SATURDAY, *row).ends for row in rows]


def around_changes(zone: ZoneInfo) -> list[datetime]:
    """Wall times before, in and after each change of the zone's offset, 2015 to 2035."""
    walls = []
    at, hour = datetime(2015, 1, 1, tzinfo=UTC), timedelta(hours=1)
    while at.year < 2035:
        later = at + timedelta(days=7)
        if at.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            change = next(
                at + n * hour
                for n in range(7 * 24)
                if (at + n * hour).astimezone(zone).utcoffset()
                != (at + (n + 1) * hour).astimezone(zone).utcoffset()
            )
            naive = change.astimezone(zone).replace(tzinfo=None)
            walls += [naive + timedelta(minutes=15 * n) for n in range(-28, 32)]
        at = later
    return walls


@pytest.mark.parametrize(
    "name",
    [
        "Africa/Addis_Ababa",
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/New_York",
        "America/Sao_Paulo",
        "Antarctica/Casey",
        "Antarctica/Troll",
        "Asia/Kathmandu",
        "Asia/Pyongyang",
        "Asia/Tehran",
        "Australia/Lord_Howe",
        "Europe/Dublin",
        "Europe/London",
        "Pacific/Apia",
        "Pacific/Chatham",
    ],
)
def test_the_database_agrees_which_instant_a_wall_time_is(conn: Connection, name: str) -> None:
    zone = ZoneInfo(name)
    walls = [wall("2026-12-17 14:00"), *around_changes(zone)]

    asked = conn.execute(ASK_INSTANTS, {"zone": name, "walls": walls})

    assert [row for row in asked if row.at != instant(row.wall, zone)] == []


def test_the_database_agrees_in_every_zone(conn: Connection) -> None:
    known = set(conn.scalars(text("SELECT name FROM pg_timezone_names")))
    # Of a year that is over: for the years to come, two releases of the zone data may differ.
    walls = [datetime(2025, month, 14, 14) for month in range(1, 13)]  # noqa: DTZ001
    odd = [
        (name, row.wall)
        for name in sorted((available_timezones() - NO_ZONES) & known)
        for row in conn.execute(ASK_INSTANTS, {"zone": name, "walls": walls})
        if row.at != instant(row.wall, ZoneInfo(name))
    ]

    assert odd == []


@pytest.mark.parametrize("name", sorted(NO_ZONES))
def test_a_zone_in_which_the_database_would_not_agree_cannot_be_set(name: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^SITE_TIMEZONE: '{name}' is no zone: set an IANA"):
        load_settings(site_timezone=name)
