"""VTIMEZONE components against zoneinfo, read by a reader of our own: RFC 5545, 3.6.5."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Timezone

from tasks.messages.timezone import timezone_of

ZONES = (
    "Africa/Addis_Ababa",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Casablanca",  # twice a year, by the moon
    "Europe/Dublin",  # winter time is the exception by law
    "Asia/Kathmandu",
)


def onsets_of(lines: bytes) -> list[tuple[datetime, timedelta]]:
    """The instants (UTC, naive) from which each observance stands, and its offset."""
    component = Timezone.from_ical(lines)
    observances: list[Any] = component.walk("STANDARD") + component.walk("DAYLIGHT")
    return sorted(
        (one["dtstart"].dt - one["tzoffsetfrom"].td, one["tzoffsetto"].td) for one in observances
    )


@pytest.mark.parametrize("key", ZONES)
def test_a_zone_is_what_zoneinfo_says_at_every_hour_of_two_years(key: str) -> None:
    """The offset at an instant is that of the observance whose onset came last."""
    zone = ZoneInfo(key)
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
    onsets = onsets_of(timezone_of(zone, (first, last)))

    instant = first
    while instant < last:
        for seen in (instant - timedelta(seconds=1), instant):
            stands = max(pair for pair in onsets if pair[0] <= seen.replace(tzinfo=None))
            assert stands[1] == seen.astimezone(zone).utcoffset(), seen
        instant += timedelta(hours=1)


def test_summer_time_begins_at_the_hour_it_begins() -> None:
    """icalendar's own begins it at 03:00."""
    november = datetime(2026, 11, 27, tzinfo=UTC)

    text = timezone_of(ZoneInfo("America/New_York"), [november])

    assert (
        b"BEGIN:DAYLIGHT\r\nDTSTART:20270314T020000\r\nTZNAME:EDT\r\n"
        b"TZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nEND:DAYLIGHT\r\n"
    ) in text
    assert b"DTSTART:20261101T020000" in text
    assert b"RDATE" not in text
    assert b"RRULE" not in text


def test_a_zone_without_changes_has_one_observance() -> None:
    zone = ZoneInfo("Africa/Addis_Ababa")
    lines = timezone_of(zone, [datetime(2026, 1, 1, tzinfo=UTC)])

    assert len(onsets_of(lines)) == 1
    assert b"TZID:Africa/Addis_Ababa\r\n" in lines


@pytest.mark.parametrize(
    ("key", "years"),
    [
        ("America/New_York", (2026, 9990)),
        ("Africa/Addis_Ababa", (1930, 2026)),  # another offset, and its change in neither span
    ],
)
def test_years_far_apart_have_observances_of_their_own(key: str, years: tuple[int, int]) -> None:
    zone = ZoneInfo(key)
    instants = [datetime(year, 7, 1, tzinfo=UTC) for year in years]

    onsets = onsets_of(timezone_of(zone, instants))

    assert len(onsets) < 20
    for instant in instants:
        stands = max(pair for pair in onsets if pair[0] <= instant.replace(tzinfo=None))
        assert stands[1] == instant.astimezone(zone).utcoffset()


def test_a_typo_in_a_year_is_no_error() -> None:
    zone = ZoneInfo("Africa/Addis_Ababa")

    assert onsets_of(timezone_of(zone, [datetime(9999, 6, 1, tzinfo=UTC)]))
    assert onsets_of(timezone_of(zone, [datetime(1, 6, 1, tzinfo=UTC)]))
