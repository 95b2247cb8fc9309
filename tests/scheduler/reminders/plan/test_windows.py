"""Wall times that a pass reads: all that it needs, and no more than the zone's changes require."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.message import Kind
from scheduler.occurrences import instant
from scheduler.reminders.plan.windows import (
    Lead,
    Slot,
    Window,
    all_due,
    early_for_quiet,
    newly_due,
    slots,
)

ADDIS = ZoneInfo("Africa/Addis_Ababa")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LEAD = Lead(Kind.REMINDER, HOUR)
NOON = datetime(2026, 12, 1, 9, tzinfo=UTC)  # in Addis Ababa
# Ramadan in Morocco, a half-hour change, a gap at midnight, none at all.
ZONES = ["Africa/Casablanca", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Addis_Ababa"]


def holds(slot: Slot, wall: datetime) -> bool:
    if not slot.first_day <= wall.date() <= slot.last_day:
        return False
    last = slot.last_time == "24:00" or wall.time() <= time.fromisoformat(slot.last_time)
    return time.fromisoformat(slot.first_time) <= wall.time() and last


def test_where_the_clocks_stand_still_a_second_is_a_second() -> None:
    window = Window(LEAD, NOON, NOON + timedelta(seconds=1))
    day = NOON.date()

    assert slots([window], ADDIS) == [Slot(day, day, "12:00:00", "12:00:01")]


def test_a_span_of_days_is_cut_at_midnight() -> None:
    window = Window(LEAD, NOON, NOON + timedelta(days=3))
    first = NOON.date()
    days = [first + timedelta(days=n) for n in range(4)]

    assert slots([window], ADDIS) == [
        Slot(days[0], days[0], "12:00:00", "24:00"),
        Slot(days[1], days[2], "00:00", "24:00"),
        Slot(days[3], days[3], "00:00", "12:00:00"),
    ]


def test_windows_that_overlap_are_read_once() -> None:
    windows = [Window(LEAD, NOON, NOON + n * HOUR) for n in (1, 2, 3)]
    day = NOON.date()

    assert slots(windows, ADDIS) == [Slot(day, day, "12:00:00", "15:00:00")]


def changes(zone: ZoneInfo) -> list[datetime]:
    """The instants of a year at which the zone's clocks change."""
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + n * HOUR for n in range(365 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


@pytest.mark.parametrize("name", ZONES)
def test_every_wall_time_that_means_an_instant_of_the_window_is_read(name: str) -> None:
    """Windows of an hour around each change of the clocks, and around noon."""
    zone = ZoneInfo(name)
    for middle in [NOON, *changes(zone)]:
        for quarters in range(-14, 15):
            after = middle + quarters * 15 * MINUTE
            window = Window(LEAD, after, after + HOUR)
            read = slots([window], zone)
            for wall in walls_around(middle, zone):
                if window.after < instant(wall, zone) <= window.until:
                    assert any(holds(slot, wall) for slot in read), (window, wall)


def walls_around(middle: datetime, zone: ZoneInfo) -> list[datetime]:
    wall = middle.astimezone(zone).replace(tzinfo=None)
    return [wall + n * 15 * MINUTE for n in range(-24, 25)]


def test_the_tick_looks_at_what_newly_falls_due() -> None:
    (window,) = newly_due([LEAD], NOON, NOON + MINUTE)

    assert (window.after, window.until) == (NOON + HOUR, NOON + HOUR + MINUTE)


def test_a_tick_within_what_is_planned_looks_at_nothing() -> None:
    assert newly_due([LEAD], NOON, NOON) == ()


def test_the_sweep_looks_at_all_that_is_due_and_not_begun() -> None:
    (window,) = all_due([LEAD], NOON, NOON + MINUTE)

    assert (window.after, window.until) == (NOON, NOON + HOUR + MINUTE)


def test_only_reminders_go_early_for_quiet_hours() -> None:
    leads = [LEAD, Lead(Kind.ALARM, HOUR)]

    (window,) = early_for_quiet(leads, NOON, NOON)
    assert window == Window(LEAD, NOON + HOUR, NOON + HOUR + timedelta(days=1))


@pytest.mark.parametrize(("seconds", "minutes"), [(3600, 60), (90, 2), (1, 1), (0, 0)])
def test_a_lead_is_keyed_in_whole_minutes(seconds: int, minutes: int) -> None:
    assert Lead(Kind.REMINDER, timedelta(seconds=seconds)).minutes == minutes
