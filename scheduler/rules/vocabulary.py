"""The words people write for weekdays, months and frequencies, in English and Amharic.

Amharic spells one sound with several letters (ሀ ሐ ኀ, ሰ ሠ, አ ዐ, ጸ ፀ), and people mix them: ዓርብ
and አርብ are one day. `folded` writes each with the first of its row. Month names are those of the
Gregorian calendar (Unicode CLDR, `am`, and common spellings). The Ethiopian months (መስከረም …) are
not read: each begins in one Gregorian month and ends in the next, so either would be a guess.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from itertools import zip_longest
from typing import get_args

from scheduler.calendar_names import Width, month_names, weekday_names

LONGEST_WORD = 40


class Frequency(StrEnum):
    """Frequency of a rule, as in session_frequency."""

    ONE_TIME = "one-time"
    DAILY = "daily"
    WEEKLY = "weekly"
    BIWEEKLY = "bi-weekly"
    MONTHLY = "monthly"


FREQUENCIES = {
    "": Frequency.ONE_TIME,
    "onetime": Frequency.ONE_TIME,
    "daily": Frequency.DAILY,
    "weekly": Frequency.WEEKLY,
    "biweekly": Frequency.BIWEEKLY,
    "fortnightly": Frequency.BIWEEKLY,
    "monthly": Frequency.MONTHLY,
}

# Spaces, hyphens and underscores, with the dashes that word processors write for them.
SEPARATORS = dict.fromkeys(map(ord, " \t\n\r\xa0\u202f_-\u2010\u2011\u2012\u2013\u2014\u2212"))

# Spellings beside those of CLDR today: of its earlier releases, and common ones.
# A line for each weekday, Monday first.
OTHER_WEEKDAYS = ("", "ማግሰኞ", "ረብዕ ሮብ ዕሮብ", "", "", "ቀዳሜ", "")
# A line for each month, January first.
OTHER_MONTHS = (
    "ጃንዩወሪ ጃንዩዋሪ ጃኑወሪ ጃኑዋሪ ጃንወሪ ጃንዩ",
    "ፌብሩወሪ ፌብርዋሪ ፌብሯሪ ፌብርወሪ ፌብሩ",
    "",
    "አፕሪል",
    "ሜ",
    "",
    "",
    "ኦጎስት ኦጋስት",
    "Sept ሴፕተምበር ሴብቴምበር",
    "ኦክተውበር",
    "ኖቨምበር",
    "ዲሰምበር",
)
LANGUAGES = ("en", "am")


def same_sounding() -> dict[int, int]:
    """Code point → code point: each row of Ethiopic letters onto the row that sounds the same."""
    rows = {"ሐ": "ሀ", "ኀ": "ሀ", "ሠ": "ሰ", "ዐ": "አ", "ፀ": "ጸ"}
    letters = {ord(a) + order: ord(b) + order for a, b in rows.items() for order in range(7)}
    first_order = {ord("ሃ"): ord("ሀ"), ord("ኣ"): ord("አ")}
    return {a: first_order.get(b, b) for a, b in letters.items()} | first_order


SAME_SOUNDING = same_sounding()


def folded(word: str) -> str:
    """A word without case, outer spaces and the choice among letters that sound the same."""
    return word.strip().casefold().translate(SAME_SOUNDING)


@cache
def weekdays() -> dict[str, int]:
    """Folded name → number, 0 is Monday."""
    return _numbered(weekday_names, OTHER_WEEKDAYS, 0)


@cache
def months() -> dict[str, int]:
    """Folded name → number, 1 is January."""
    return _numbered(month_names, OTHER_MONTHS, 1)


def _numbered(
    names: Callable[[str, Width], Sequence[str]], others: Sequence[str], first: int
) -> dict[str, int]:
    """The full and short names of all languages, and other spellings of them, by number."""
    spellings = [
        *(names(language, width) for language in LANGUAGES for width in get_args(Width)),
        *zip_longest(*(line.split() for line in others), fillvalue=""),
    ]
    return {
        folded(word): number
        for each in spellings
        for number, word in enumerate(each, first)
        if word
    }


def frequency_of(text: str) -> Frequency | None:
    """'Bi-weekly', 'one_time', '' → Frequency; None: no word for one."""
    if len(text) > LONGEST_WORD:
        return None
    return FREQUENCIES.get(text.casefold().translate(SEPARATORS))


def weekday_of(word: str) -> int | None:
    """'Monday', 'mon', 'ሰኞ' → 0; None: no name of a weekday."""
    return weekdays().get(folded(word)) if len(word) <= LONGEST_WORD else None


def month_of(word: str) -> int | None:
    """'January', 'jan', 'ጃንዩወሪ' → 1; None: no name of a month."""
    return months().get(folded(word)) if len(word) <= LONGEST_WORD else None
