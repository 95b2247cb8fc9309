"""The words people write for weekdays, months and frequencies, in English and Amharic.

Amharic spells one sound with several letters (ሀ ሐ ኀ, ሰ ሠ, አ ዐ, ጸ ፀ), and people mix them: ዓርብ
and አርብ are one day. `folded` writes each with the first of its row. Month names are those of the
Gregorian calendar (Unicode CLDR, `am`, and common spellings). The Ethiopian months (መስከረም …) are
not read: each begins in one Gregorian month and ends in the next, so either would be a guess.
"""

from enum import StrEnum

LONGEST_WORD = 40


class Frequency(StrEnum):
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

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

AMHARIC_WEEKDAYS = (
    "ሰኞ", "ማክሰኞ ማክሰ ማግሰኞ", "ረቡዕ ረብዕ ሮብ ዕሮብ", "ሐሙስ", "ዓርብ", "ቅዳሜ ቀዳሜ", "እሑድ",
)  # fmt: skip
AMHARIC_MONTHS = (
    "ጃንዩወሪ ጃንዩዋሪ ጃኑወሪ ጃኑዋሪ ጃንዋሪ ጃንወሪ ጃንዩ",
    "ፌብሩወሪ ፌብሩዋሪ ፌብርዋሪ ፌብሯሪ ፌብርወሪ ፌብሩ",
    "ማርች",
    "ኤፕሪል አፕሪል ኤፕሪ",
    "ሜይ ሜ",
    "ጁን",
    "ጁላይ",
    "ኦገስት ኦጎስት ኦጋስት ኦገስ",
    "ሴፕቴምበር ሴፕተምበር ሴብቴምበር ሴፕቴ",
    "ኦክቶበር ኦክተውበር ኦክቶ",
    "ኖቬምበር ኖቨምበር ኖቬም",
    "ዲሴምበር ዲሰምበር ዲሴም",
)
"""Spellings of one month a line; CLDR's name first, its short name last where it has one."""


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


def numbered(english: tuple[str, ...], amharic: tuple[str, ...], first: int) -> dict[str, int]:
    """Folded name → number: English names, their first three letters, and the Amharic ones."""
    numbers = {}
    for number, (name, spellings) in enumerate(zip(english, amharic, strict=True), first):
        for word in (name, name[:3], *spellings.split()):
            numbers[folded(word)] = number
    return numbers


WEEKDAYS = numbered(WEEKDAY_NAMES, AMHARIC_WEEKDAYS, 0)
MONTHS = numbered(MONTH_NAMES, AMHARIC_MONTHS, 1)


def frequency_of(text: str) -> Frequency | None:
    """'Bi-weekly', 'one_time', '' → Frequency; None: no word for one."""
    if len(text) > LONGEST_WORD:
        return None
    return FREQUENCIES.get(text.casefold().translate(SEPARATORS))


def weekday_of(word: str) -> int | None:
    """'Monday', 'mon', 'ሰኞ' → 0; None: no name of a weekday."""
    return WEEKDAYS.get(folded(word)) if len(word) <= LONGEST_WORD else None


def month_of(word: str) -> int | None:
    """'January', 'jan', 'ጃንዩወሪ' → 1; None: no name of a month."""
    return MONTHS.get(folded(word)) if len(word) <= LONGEST_WORD else None
