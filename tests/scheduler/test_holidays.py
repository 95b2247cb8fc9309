"""scheduler/holidays.py: a session is skipped for a certain holiday, not for an estimated one."""

from datetime import date

import holidays
import pytest

from scheduler.holidays import public_holidays
from scheduler.settings import InvalidSetting, load_settings


def test_ethiopian_holidays_have_their_names_in_english() -> None:
    found = public_holidays("ET", date(2027, 1, 1), date(2027, 1, 31))

    assert found == {date(2027, 1, 7): "Christmas Day", date(2027, 1, 19): "Epiphany"}


def test_the_span_is_inclusive() -> None:
    assert date(2027, 1, 7) in public_holidays("ET", date(2027, 1, 7), date(2027, 1, 7))
    assert public_holidays("ET", date(2027, 1, 8), date(2027, 1, 18)) == {}


def test_a_span_over_new_year_has_both_years() -> None:
    found = public_holidays("ET", date(2026, 9, 1), date(2027, 1, 31))

    assert {day.year for day in found} == {2026, 2027}


def test_a_day_that_hangs_on_the_moon_is_left_out() -> None:
    named = holidays.country_holidays("ET", years=2026, language="en_US")
    fitr = next(day for day, name in named.items() if name == "Eid al-Fitr (estimated)")

    assert fitr not in public_holidays("ET", fitr, fitr)


@pytest.mark.parametrize("code", sorted(holidays.list_supported_countries(include_aliases=False)))
def test_no_country_lets_an_estimated_day_through(code: str) -> None:
    found = public_holidays(code, date(2026, 1, 1), date(2028, 12, 31))

    assert not [name for name in found.values() if "estimated" in name.lower()]


@pytest.mark.parametrize("country", ["XX", "", "Ethiopia", "HolidayBase", "country_holidays"])
def test_an_unknown_country_is_one_line_that_says_what_to_set(country: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^HOLIDAYS_COUNTRY: .* set a code such as ET\.$"):
        load_settings(_env_file=None, holidays="mark", holidays_country=country)


def test_a_country_is_read_without_case() -> None:
    settings = load_settings(_env_file=None, holidays="skip", holidays_country=" ke")

    assert settings.holidays_country == "KE"
