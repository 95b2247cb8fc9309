"""Zone data of PostgreSQL and of the machine: differences are reported, and the database's data is
used.

The machine's data is made to differ by files of its own in front of it (PYTHONTZPATH's place).
"""

import struct
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from scheduler.doctor import Severity, examine_database
from scheduler.settings import Settings
from scheduler.site.zones import differences, follow_database_zones
from scheduler.zone_data import use_machine_zone, zone_named

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ADDIS = "Africa/Addis_Ababa"
BERLIN = "Europe/Berlin"


def settings(zone: str) -> Settings:
    return Settings(_env_file=None, site_timezone=zone)


@pytest.fixture
def strange_machine(tmp_path: Path) -> Iterator[Path]:
    """A machine whose data says that Berlin is at UTC+2 for ever."""
    file = tmp_path / BERLIN
    file.parent.mkdir()
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    kind = struct.pack(">lbb", 7200, 0, 0) + b"LMT\0"
    head = b"TZif2" + bytes(15) + counts + kind
    file.write_bytes(head + head + b"\n<+02>-2\n")
    zoneinfo.reset_tzpath([str(tmp_path), *zoneinfo.TZPATH])
    zoneinfo.ZoneInfo.clear_cache()
    yield tmp_path
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()
    use_machine_zone(BERLIN)


@pytest.mark.parametrize("zone", [ADDIS, BERLIN, "America/New_York", "Asia/Kolkata", "UTC"])
def test_data_that_agrees_is_no_difference(conn: Connection, zone: str) -> None:
    assert differences(conn, settings(zone), NOW) == []


def test_a_zone_that_differs_is_told_with_both_answers(
    conn: Connection, strange_machine: Path
) -> None:
    (found,) = [
        one for one in examine_database(conn, settings(BERLIN), NOW) if one.code == "zones_differ"
    ]

    assert found.severity is Severity.ERROR
    assert BERLIN in found.detail
    assert "there" in found.detail
    assert "here" in found.detail


def test_the_zone_of_a_preference_counts_as_well(conn: Connection, strange_machine: Path) -> None:
    conn.execute(
        text("INSERT INTO session_worker.preference (person_id, zone) VALUES (1, :zone)"),
        {"zone": BERLIN},
    )

    (found,) = differences(conn, settings(ADDIS), NOW)

    assert (found.zone, found.database, found.machine) == (
        BERLIN, timedelta(hours=1), timedelta(hours=2),
    )  # fmt: skip


@pytest.mark.parametrize("month", [1, 4, 7, 11])
def test_the_database_s_hours_are_used(conn: Connection, strange_machine: Path, month: int) -> None:
    here = settings(BERLIN)
    follow_database_zones(conn, here, NOW)
    at = datetime(2027, month, 2, 12, tzinfo=UTC)

    by_database = conn.scalar(text("SELECT CAST(:at AS timestamptz) AT TIME ZONE :zone"),
                              {"at": at, "zone": BERLIN})  # fmt: skip

    assert at.astimezone(here.zone).replace(tzinfo=None) == by_database
    assert here.zone.key == BERLIN


def test_data_that_agrees_again_is_the_machine_s(conn: Connection, strange_machine: Path) -> None:
    follow_database_zones(conn, settings(BERLIN), NOW)
    (strange_machine / BERLIN).unlink()
    zoneinfo.ZoneInfo.clear_cache()

    assert follow_database_zones(conn, settings(BERLIN), NOW) == []
    assert zone_named(BERLIN) is zoneinfo.ZoneInfo(BERLIN)
