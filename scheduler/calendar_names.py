"""Names of weekdays and Gregorian months, as Unicode CLDR has them (Babel's copy of it).

Kept by hand elsewhere: the Amharic names of the Ethiopian months, as Babel has the Gregorian
calendar only, and units of time but the Tigrinya ones: CLDR's Amharic says "1 days" (`1 ቀናት`), and
its Afaan Oromo has signs alone (`1 h`).
"""

from functools import cache
from typing import Literal

Width = Literal["wide", "abbreviated"]


@cache
def weekday_names(language: str, width: Width = "wide") -> tuple[str, ...]:
    """Monday first. `language`: a CLDR locale such as `en`; `width`: `Monday` or `Mon`."""
    from babel import Locale  # slow to import

    names = Locale(language).days["format"][width]
    return tuple(names[number] for number in range(7))


@cache
def month_names(language: str, width: Width = "wide") -> tuple[str, ...]:
    """January first. `language`: a CLDR locale such as `am`; `width`: `January` or `Jan`."""
    from babel import Locale  # slow to import

    names = Locale(language).months["format"][width]
    return tuple(names[number] for number in range(1, 13))


@cache
def counted(number: int, unit: Literal["hour", "minute"], language: str) -> str:
    """'2 ሰዓታት': number and unit, in the plural form that the number asks for."""
    from babel.units import format_unit  # slow to import

    return format_unit(number, unit, "long", locale=language)
