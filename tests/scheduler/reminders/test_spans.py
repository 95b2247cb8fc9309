"""Which wall times a pass reads: never too few, and no more than the zone's changes ask for."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.message import Kind
from scheduler.occurrences import instant
from scheduler.reminders.spans import (
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


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)),  # noqa: DTZ001 (made aware below)
    minutes=st.integers(1, 3 * 24 * 60),
    offset=st.integers(0, 3 * 24 * 60),
)
def test_every_wall_time_that_means_an_instant_of_the_window_is_read(
    zone: str, after: datetime, minutes: int, offset: int
) -> None:
    begins = after.replace(tzinfo=UTC)
    window = Window(LEAD, begins, begins + minutes * MINUTE)
    wall = (begins + min(offset, minutes) * MINUTE).astimezone(ZoneInfo(zone))
    around = [wall.replace(tzinfo=None) + n * timedelta(minutes=15) for n in range(-8, 9)]

    for each in around:
        if window.after < instant(each, ZoneInfo(zone)) <= window.until:
            assert any(holds(slot, each) for slot in slots([window], ZoneInfo(zone)))


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
