"""Times as people say them, from now and in their zone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tasks.messages.amharic import Amharic
from tasks.messages.english import English
from tasks.messages.moment import Moment, Tongue, moment
from tasks.messages.oromo import Oromo
from tasks.messages.tigrinya import Tigrinya
from tests.tasks.messages.samples import ADDIS, HOUR, MINUTE, START

ENGLISH, AMHARIC, OROMO, TIGRINYA = English(), Amharic(), Oromo(), Tigrinya()
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def seen(
    before: timedelta, tongue: Tongue = ENGLISH, zone: ZoneInfo = ADDIS, start: datetime = START
) -> Moment:
    """14:00 to 15:00 of Friday 27 November 2026 in Addis Ababa, seen so long before."""
    return moment(start, start + HOUR, start - before, zone, tongue)


def spaced(words: str) -> str:
    """As texts have it: no-break spaces are for HTML."""
    return words.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("before", "english", "amharic"),
    [
        (-45 * SECOND, "now", "አሁን"),
        (timedelta(0), "now", "አሁን"),
        (29 * SECOND, "now", "አሁን"),
        (31 * SECOND, "in 1 minute", "ከ1 ደቂቃ በኋላ"),
        (12 * MINUTE, "in 12 minutes", "ከ12 ደቂቃ በኋላ"),
        (12 * MINUTE - SECOND, "in 12 minutes", "ከ12 ደቂቃ በኋላ"),
        (11 * MINUTE + 29 * SECOND, "in 11 minutes", "ከ11 ደቂቃ በኋላ"),
        (HOUR - SECOND, "in 1 hour", "ከአንድ ሰዓት በኋላ"),
        (65 * MINUTE, "in 1 hour 5 minutes", "ከአንድ ሰዓት ከ5 ደቂቃ በኋላ"),
        (5 * HOUR, "in 5 hours", "ከ5 ሰዓታት በኋላ"),
        (12 * HOUR, "today at 14:00", "ዛሬ ከቀኑ 8:00 ሰዓት (14:00) ላይ"),
        (14 * HOUR, "today at 14:00", "ዛሬ ከቀኑ 8:00 ሰዓት (14:00) ላይ"),
        (14 * HOUR + SECOND, "tomorrow at 14:00", "ነገ ከቀኑ 8:00 ሰዓት (14:00) ላይ"),
        (DAY, "tomorrow at 14:00", "ነገ ከቀኑ 8:00 ሰዓት (14:00) ላይ"),
        (
            2 * DAY,
            "on Friday 27 November at 14:00",
            "ዓርብ ኅዳር 18 ቀን ከቀኑ 8:00 ሰዓት (ኖቬምበር 27, 14:00) ላይ",
        ),
        (
            400 * DAY,
            "on Friday 27 November 2026 at 14:00",
            "ዓርብ ኅዳር 18 ቀን 2019 ዓ.ም. (ኖቬምበር 27, 2026) ከቀኑ 8:00 ሰዓት (14:00) ላይ",
        ),
    ],
)
def test_a_start_is_told_in_words_that_are_true_now(
    before: timedelta, english: str, amharic: str
) -> None:
    assert seen(before).relative == english
    assert spaced(seen(before, AMHARIC).relative) == amharic


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (12 * MINUTE, "in 12 minutes, Fri 27 Nov 14:00"),
        (DAY, "tomorrow, Fri 27 Nov 14:00"),
        (2 * DAY, "on Fri 27 Nov at 14:00"),
    ],
)
def test_in_little_room_the_date_is_still_told(before: timedelta, told: str) -> None:
    assert seen(before).told == told


def test_the_zone_is_the_persons() -> None:
    there = seen(12 * MINUTE, zone=ZoneInfo("America/New_York"))

    assert (there.date, there.span) == ("Friday 27 November 2026", "06:00–07:00")
    assert there.zone == "New York time"


def test_the_date_is_the_persons() -> None:
    start = datetime(2026, 11, 27, 20, 30, tzinfo=UTC)  # 23:30 in Addis Ababa
    there = moment(start, start + HOUR, start - 2 * HOUR, ZoneInfo("Asia/Tokyo"), ENGLISH)

    assert there.date == "Saturday 28 November 2026"
    assert there.at == "today at 05:30"


def test_the_time_left_is_elapsed_time_across_a_change_of_clocks() -> None:
    new_york = ZoneInfo("America/New_York")
    before = datetime(2026, 3, 8, 1, 50, tzinfo=new_york)
    after = datetime(2026, 3, 8, 3, 10, tzinfo=new_york)  # the clocks go from 2:00 to 3:00

    assert moment(after, None, before, new_york, ENGLISH).relative == "in 20 minutes"


def test_a_session_past_midnight_says_so() -> None:
    late = seen(HOUR, start=datetime(2026, 11, 27, 20, 30, tzinfo=UTC))

    assert late.span == "23:30–00:30 next day"


@pytest.mark.parametrize(
    ("hour", "span"),
    [
        (2, "ከሌሊቱ 11:00 እስከ ጠዋቱ 12:00 ሰዓት (05:00–06:00)"),
        (3, "ከጠዋቱ 12:00 እስከ 1:00 ሰዓት (06:00–07:00)"),
        (8, "ከጠዋቱ 5:00 እስከ ቀኑ 6:00 ሰዓት (11:00–12:00)"),
        (11, "ከቀኑ 8:00 እስከ 9:00 ሰዓት (14:00–15:00)"),
        (14, "ከቀኑ 11:00 እስከ ምሽቱ 12:00 ሰዓት (17:00–18:00)"),
        (17, "ከምሽቱ 2:00 እስከ 3:00 ሰዓት (20:00–21:00)"),
        (20, "ከምሽቱ 5:00 እስከ ሌሊቱ 6:00 ሰዓት (23:00–00:00)"),
    ],
)
def test_an_amharic_span_names_the_part_of_the_day_again_where_it_changes(
    hour: int, span: str
) -> None:
    start = datetime(2026, 11, 27, hour, 0, tzinfo=UTC)  # three hours behind Addis Ababa

    assert seen(HOUR, AMHARIC, start=start).span == span


def test_an_amharic_span_past_dawn_says_so() -> None:
    start = datetime(2026, 11, 27, 20, 30, tzinfo=UTC)  # 23:30 in Addis Ababa

    late = moment(start, start + 7 * HOUR, start, ADDIS, AMHARIC)

    assert late.span == "ከምሽቱ 5:30 እስከ ማግስቱ ጠዋቱ 12:30 ሰዓት (23:30–06:30)"


@pytest.mark.parametrize(
    ("tongue", "date", "told"),
    [
        (ENGLISH, "Fri 27 Nov 2026", "on Fri 27 Nov 2026 at 14:00"),
        (AMHARIC, "ኅዳር 18 ቀን 2019 (27 Nov 2026)", "ኅዳር 18 ቀን 2019 ከቀኑ 8:00 (27 Nov 2026 14:00) ላይ"),
    ],
)
def test_a_date_of_another_year_is_told_with_it_in_little_room_too(
    tongue: Tongue, date: str, told: str
) -> None:
    far = seen(400 * DAY, tongue)

    assert (far.brief_date, far.told) == (date, told)


def test_an_amharic_date_is_ethiopian_with_the_gregorian_in_brackets() -> None:
    assert spaced(seen(DAY, AMHARIC).date) == "ዓርብ ኅዳር 18 ቀን 2019 ዓ.ም. (ኖቬምበር 27, 2026)"
    assert seen(DAY, AMHARIC).brief == "ኅዳር 18 ከቀኑ 8:00 (27 Nov 14:00)"
    assert seen(DAY, AMHARIC).zone == "በአዲስ አበባ ሰዓት"


def test_the_sixth_day_of_pagume_has_its_name() -> None:
    start = datetime(2027, 9, 11, 11, 0, tzinfo=UTC)
    day = seen(DAY, AMHARIC, start=start).date

    assert spaced(day) == "ቅዳሜ ጳጉሜን 6 ቀን 2019 ዓ.ም. (ሴፕቴምበር 11, 2027)"


@pytest.mark.parametrize(
    ("before", "oromo", "tigrinya"),
    [
        (timedelta(0), "amma", "ሕጂ"),
        (MINUTE, "daqiiqaa 1 booda", "ድሕሪ 1 ደቒቓ"),
        (12 * MINUTE, "daqiiqaa 12 booda", "ድሕሪ 12 ደቒቓታት"),
        (HOUR, "sa'aatii tokko booda", "ድሕሪ ሓደ ሰዓት"),
        (65 * MINUTE, "sa'aatii tokko fi daqiiqaa 5 booda", "ድሕሪ ሓደ ሰዓትን 5 ደቒቓታትን"),
        (5 * HOUR, "sa'aatiiwwan 5 booda", "ድሕሪ 5 ሰዓታት"),
        (14 * HOUR, "har'a guyyaa sa'aatii 8:00 (14:00)", "ሎሚ ሰዓት 8:00 ድሕሪ ቀትሪ (14:00)"),
        (DAY, "boru guyyaa sa'aatii 8:00 (14:00)", "ጽባሕ ሰዓት 8:00 ድሕሪ ቀትሪ (14:00)"),
        (
            2 * DAY,
            "Jimaata, Sadaasa 18, guyyaa sa'aatii 8:00 (27 Nov, 14:00)",
            "ዓርቢ፣ 18 ሕዳር፣ ሰዓት 8:00 ድሕሪ ቀትሪ (27 Nov, 14:00)",
        ),
        (
            400 * DAY,
            "Jimaata, Sadaasa 18 bara 2019 A.L.I. (27 Nov 2026), guyyaa sa'aatii 8:00 (14:00)",
            "ዓርቢ፣ 18 ሕዳር 2019 ዓ.ም. (27 Nov 2026)፣ ሰዓት 8:00 ድሕሪ ቀትሪ (14:00)",
        ),
    ],
)
def test_a_start_is_told_in_oromo_and_tigrinya(
    before: timedelta, oromo: str, tigrinya: str
) -> None:
    assert spaced(seen(before, OROMO).relative) == oromo
    assert spaced(seen(before, TIGRINYA).relative) == tigrinya


@pytest.mark.parametrize(
    ("hour", "oromo", "tigrinya"),
    [
        (2, "halkan sa'aatii 11:00 hanga ganama sa'aatii 12:00", "ሰዓት 11:00 ለይቲ ክሳብ ሰዓት 12:00 ንግሆ"),
        (3, "ganama sa'aatii 12:00 hanga 1:00", "ሰዓት 12:00 ክሳብ 1:00 ንግሆ"),
        (11, "guyyaa sa'aatii 8:00 hanga 9:00", "ሰዓት 8:00 ክሳብ 9:00 ድሕሪ ቀትሪ"),
        (17, "galgala sa'aatii 2:00 hanga 3:00", "ሰዓት 2:00 ክሳብ 3:00 ምሸት"),
    ],
)
def test_a_span_in_oromo_and_tigrinya_has_the_ethiopian_clock(
    hour: int, oromo: str, tigrinya: str
) -> None:
    start = datetime(2026, 11, 27, hour, 0, tzinfo=UTC)
    wall = f"({hour + 3:02}:00–{hour + 4:02}:00)"

    assert seen(HOUR, OROMO, start=start).span == f"{oromo} {wall}"
    assert seen(HOUR, TIGRINYA, start=start).span == f"{tigrinya} {wall}"


# The first day of each Ethiopian month of 2019, by the published calendar of that year.
FIRST_DAYS = (
    (2026, 9, 11), (2026, 10, 11), (2026, 11, 10), (2026, 12, 10), (2027, 1, 9), (2027, 2, 8),
    (2027, 3, 10), (2027, 4, 9), (2027, 5, 9), (2027, 6, 8), (2027, 7, 8), (2027, 8, 7),
    (2027, 9, 6),
)  # fmt: skip
OROMO_MONTHS = (
    "Fulbaana Onkoloolessa Sadaasa Mudde Amajjii Guraandhala Bitootessa Eebila Caamsaa Waxabajjii"
    " Adoolessa Hagayya Qaammee"
)
TIGRINYA_MONTHS = "መስከረም ጥቅምቲ ሕዳር ታሕሳስ ጥሪ ለካቲት መጋቢት ሚያዝያ ግንቦት ሰነ ሓምለ ነሓሰ ጳጉሜን"


def test_the_ethiopian_months_have_their_names() -> None:
    months = zip(FIRST_DAYS, OROMO_MONTHS.split(), TIGRINYA_MONTHS.split(), strict=True)
    for day, oromo, tigrinya in months:
        start = datetime(*day, 11, tzinfo=UTC)

        assert seen(DAY, OROMO, start=start).brief_date.startswith(f"{oromo} 1 (")
        assert seen(DAY, TIGRINYA, start=start).brief_date.startswith(f"1 {tigrinya} (")


@pytest.mark.parametrize(
    ("tongue", "date"),
    [(OROMO, "Jim Sadaasa 18 guyyaa 8:00"), (TIGRINYA, "ዓር 18 ሕዳር 8:00 ድሕሪ ቀትሪ")],
)
def test_in_one_calendar_the_weekday_tells_which_it_is(tongue: Tongue, date: str) -> None:
    """CLDR's Sadaasa 18 is 18 November, a Wednesday."""
    short = replace(seen(DAY, tongue), in_one_calendar=True)

    assert short.brief == f"{date} (14:00)"


@pytest.mark.parametrize(
    ("key", "name"),
    [("Etc/GMT-3", "+03"), ("UTC", "UTC"), ("Australia/Lord_Howe", "Lord Howe time")],
)
def test_a_zone_that_names_no_place_is_told_by_its_abbreviation(key: str, name: str) -> None:
    assert seen(DAY, zone=ZoneInfo(key)).zone == name
