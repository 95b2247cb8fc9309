"""Public holidays by the `holidays` package, for rules that keep clear of them (HOLIDAYS=…)."""

from collections.abc import Iterable
from datetime import date

from scheduler.settings import InvalidSetting

LANGUAGE = "en_US"  # without one the package asks the environment, and reasons change with it
ESTIMATED = "estimated)"  # how that language marks "(estimated)" and "(observed, estimated)"


def public_holidays(country: str, first: date, last: date) -> dict[date, str]:
    """The public holidays of a country (ISO 3166 code) from `first` to `last`: date → name.

    Without those the package marks "estimated": the moon decides whether that day is off, and a
    session is not dropped for a guess. Raises InvalidSetting for a code it does not know.
    """
    import holidays  # here, because it takes 0.15 s and few sites skip holidays

    code = country.strip().upper()
    if code not in holidays.list_supported_countries():
        raise InvalidSetting(
            f"HOLIDAYS_COUNTRY: {country!r} is no known country: set a code such as ET."
        )
    years = range(first.year, last.year + 1)
    calendar = holidays.country_holidays(code, years=years, language=LANGUAGE)
    days = sorted(day for day in calendar if first <= day <= last)
    return {day: name for day in days if (name := certain(calendar.get_list(day)))}


def certain(names: Iterable[str]) -> str:
    """The names of one day that are not estimated, joined; '' where none is left."""
    return ", ".join(name for name in names if not name.endswith(ESTIMATED))
