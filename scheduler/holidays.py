"""Public holidays from the `holidays` package, for HOLIDAYS=skip and mark."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from scheduler.rules import Rule
from scheduler.settings import MakeUp, OnHoliday, Settings

LANGUAGE = "en_US"  # otherwise the package takes the environment's, and names change with it
ESTIMATED = "estimated)"  # end of "(estimated)" and "(observed, estimated)" in that language


def country_code(country: str) -> str:
    """'et' → 'ET'. Raises ValueError, with a line for the user, for an unknown country."""
    import holidays  # imported here, as it takes 0.15 s and few sites skip holidays

    code = country.strip().upper()
    if code not in holidays.list_supported_countries():
        raise ValueError(f"{country!r} is no known country: set a code such as ET")
    return code


def left_out_of_count(settings: Settings, rule: Rule, last: date) -> frozenset[date]:
    """Holidays up to `last` that do not use up a rule's count (MAKE_UP, HOLIDAYS=skip)."""
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

    Days that the package marks as estimated are left out: their date depends on the moon, and no
    session is dropped for a guess. `country` is what `country_code` returned.
    """
    import holidays

    years = range(first.year, last.year + 1)
    calendar = holidays.country_holidays(country, years=years, language=LANGUAGE)
    days = sorted(day for day in calendar if first <= day <= last)
    return {day: name for day in days if (name := certain(calendar.get_list(day)))}


def certain(names: Iterable[str]) -> str:
    """Names of a day's holidays that are not estimated, joined; '' where there is none."""
    return ", ".join(name for name in names if not name.endswith(ESTIMATED))
