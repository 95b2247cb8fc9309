"""Public holidays by the `holidays` package, for rules that keep clear of them (HOLIDAYS=…)."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from scheduler.rules import Rule
from scheduler.settings import MakeUp, OnHoliday, Settings

LANGUAGE = "en_US"  # without one the package asks the environment, and reasons change with it
ESTIMATED = "estimated)"  # how that language marks "(estimated)" and "(observed, estimated)"


def country_code(country: str) -> str:
    """'et' → 'ET'. Raises ValueError with words for the user where the package has none such."""
    import holidays  # here, because it takes 0.15 s and few sites skip holidays

    code = country.strip().upper()
    if code not in holidays.list_supported_countries():
        raise ValueError(f"{country!r} is no known country: set a code such as ET")
    return code


def left_out_of_count(settings: Settings, rule: Rule, last: date) -> frozenset[date]:
    """The dates up to `last` with which a rule's count does not end (MAKE_UP, HOLIDAYS=skip)."""
    if rule.count is None or settings.make_up is MakeUp.OFF:
        return frozenset()
    if settings.holidays is not OnHoliday.SKIP:
        return frozenset()
    return _holidays_of_years(settings.holidays_country, rule.anchor.year, last.year)


@lru_cache
def _holidays_of_years(country: str, first: int, last: int) -> frozenset[date]:
    return frozenset(public_holidays(country, date(first, 1, 1), date(last, 12, 31)))


def public_holidays(country: str, first: date, last: date) -> dict[date, str]:
    """The public holidays of a country (ISO 3166 code) from `first` to `last`: date → name.

    Without those the package marks "estimated": the moon decides whether that day is off, and a
    session is not dropped for a guess. `country` is what `country_code` returned.
    """
    import holidays

    years = range(first.year, last.year + 1)
    calendar = holidays.country_holidays(country, years=years, language=LANGUAGE)
    days = sorted(day for day in calendar if first <= day <= last)
    return {day: name for day in days if (name := certain(calendar.get_list(day)))}


def certain(names: Iterable[str]) -> str:
    """The names of one day that are not estimated, joined; '' where none is left."""
    return ", ".join(name for name in names if not name.endswith(ESTIMATED))
