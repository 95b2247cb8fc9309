"""Dates of the page in both calendars, by dates that stand on Ethiopian calendars."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tasks.web.dates import Dates

NOW = datetime(2026, 9, 11, 9, tzinfo=UTC)
ENGLISH = Dates("en", ZoneInfo("Africa/Addis_Ababa"), NOW)
AMHARIC = Dates("am", ZoneInfo("Africa/Addis_Ababa"), NOW)


def test_new_year_2019_was_a_friday_in_september() -> None:
    day = date(2026, 9, 11)

    assert ENGLISH.day(day) == "Friday 11 September 2026 (1 Meskerem 2019)"
    assert AMHARIC.day(day).startswith("ዓርብ መስከረም 1 ቀን 2019")
    assert ENGLISH.ethiopian_day(day - timedelta(days=1)) == "5 Pagumen"
    assert AMHARIC.ethiopian_day(day - timedelta(days=1)) == "ጳጉሜን 5"


def test_a_month_names_those_of_the_other_calendar() -> None:
    assert ENGLISH.month(date(2026, 12, 1)) == "December 2026 (Hedar–Tahsas 2019)"
    assert AMHARIC.month(date(2026, 12, 1)) == "ኅዳር–ታኅሣሥ 2019 ዓ.ም. (ዲሴምበር 2026)"
    assert ENGLISH.month(date(2027, 2, 1)) == "February 2027 (Ter–Yekatit 2019)"


def test_the_amharic_clock_counts_from_dawn() -> None:
    assert (ENGLISH.clock(time(14)), AMHARIC.clock(time(14))) == ("14:00", "ከቀኑ 8:00 (14:00)")


def test_an_instant_is_told_from_now() -> None:
    assert ENGLISH.since(NOW - timedelta(minutes=12)) == "12 min ago"
    assert ENGLISH.since(NOW + timedelta(hours=2)) == "in 2 h"
    assert AMHARIC.since(NOW - timedelta(minutes=12)) == "ከ12 ደቂቃ በፊት"
