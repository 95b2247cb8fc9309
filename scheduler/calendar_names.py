"""Names of weekdays and Gregorian months, as Unicode CLDR has them (Babel's copy of it).

Kept by hand elsewhere: the Ethiopian months, as Babel has the Gregorian calendar only, and units of
time, where CLDR's Amharic says "1 days" (`1 ቀናት`).
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
