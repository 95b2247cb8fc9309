"""The design's table of rules as a definition: walk the days one by one, and test each.

Slow, and on purpose without a line in common with scheduler/: it counts weeks and months by
walking over their first days, and knows names from its own lists.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

DAY = timedelta(days=1)
DAY_NAMES = {
    0: ("Monday", "mon", "MONDAY", "ሰኞ"),
    1: ("Tuesday", "Tue", "ማክሰኞ"),
    2: ("Wednesday", "wed", "ረቡዕ", "ዕሮብ", "እሮብ"),
    3: ("Thursday", "THU", "ሐሙስ", "ሀሙስ"),
    4: ("Friday", "fri", "ዓርብ", "አርብ"),
    5: ("Saturday", "sat", " saturday ", "ቅዳሜ"),
    6: ("Sunday", "Sun", "እሑድ", "እሁድ"),
}
MONTH_NAMES: dict[int, tuple[str | int, ...]] = {
    1: ("January", "jan", 1, "ጃንዩወሪ", "ጃንዋሪ", "ጃን"),
    2: ("February", "Feb", 2, "ፌብሩወሪ", "ፌብሩዋሪ", "ፌብ"),
    3: ("March", "MAR", 3, "ማርች"),
    4: ("April", "apr", 4, "ኤፕሪል"),
    5: ("May", "may", 5, "ሜይ"),
    6: ("June", "Jun", 6, "ጁን"),
    7: ("July", "jul", 7, "ጁላይ"),
    8: ("August", "AUG", 8, "ኦገስት"),
    9: ("September", "sep", "Sept", 9, "ሴፕቴምበር"),
    10: ("October", "Oct", 10, "ኦክቶበር"),
    11: ("November", "nov", 11, "ኖቬምበር"),
    12: ("December", "Dec", 12, "ዲሴምበር"),
}
DAY_NUMBERS = {name: number for number, names in DAY_NAMES.items() for name in names}
MONTH_NUMBERS = {name: number for number, names in MONTH_NAMES.items() for name in names}
RRULE_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True)
class Walked:
    """A day, and how many ISO weeks and calendar months have begun since the anchor."""

    day: date
    days: int
    weeks: int
    months: int


def walk(anchor: date, last: date) -> Iterator[Walked]:
    """The anchor and each day after it, to `last`."""
    weeks = months = 0
    day = anchor
    while day <= last:
        if day > anchor and day.isoweekday() == 1:
            weeks += 1
        if day > anchor and day.day == 1:
            months += 1
        yield Walked(day, (day - anchor).days, weeks, months)
        day += DAY


def expected_dates(
    anchor: date,
    frequency: str,
    pattern: Mapping[str, Any],
    first: date,
    last: date,
    month_end: str = "clamp",
) -> list[date]:
    """The days of a readable row. `frequency`: daily, weekly, bi-weekly or monthly."""
    days = given_days(pattern) or chosen_days(anchor, frequency, pattern, last, month_end)
    ends = [date.fromisoformat(pattern[key]) for key in ("until", "end_date") if pattern.get(key)]
    not_on = [*(pattern.get("exdates") or []), *(pattern.get("except") or [])]
    return [
        day
        for day in days
        if first <= day <= last
        and day > anchor
        and all(day <= end for end in ends)
        and day.isoformat() not in not_on
    ]


def given_days(pattern: Mapping[str, Any]) -> list[date]:
    return sorted({date.fromisoformat(text) for text in pattern.get("specific_dates") or []})


def chosen_days(
    anchor: date, frequency: str, pattern: Mapping[str, Any], last: date, month_end: str
) -> list[date]:
    """The days named by the frequency, in the months, up to the count."""
    wanted = {DAY_NUMBERS[name] for name in pattern.get("days") or []}
    interval = 2 if frequency == "bi-weekly" else pattern.get("interval") or 1
    months = {MONTH_NUMBERS[name] for name in pattern.get("months") or []} or range(1, 13)

    def fits(at: Walked) -> bool:
        if frequency == "daily":
            return at.days % interval == 0 and is_wanted(at.day, wanted)
        if frequency in ("weekly", "bi-weekly"):
            in_days = is_wanted(at.day, wanted or {anchor.isoweekday() - 1})
            return at.weeks % interval == 0 and in_days
        if wanted:
            nth = same_ordinal(at.day, anchor)
            return at.months % interval == 0 and nth and is_wanted(at.day, wanted)
        ends = month_end_for(anchor, interval, month_end)
        return at.months % interval == 0 and same_day_of_month(at.day, anchor, ends)

    found = [at.day for at in walk(anchor, last) if at.days and fits(at) and at.day.month in months]
    return found if pattern.get("count") is None else found[: pattern["count"] - 1]


def is_wanted(day: date, wanted: set[int]) -> bool:
    return not wanted or day.isoweekday() - 1 in wanted


def is_last_of_month(day: date) -> bool:
    return (day + DAY).day == 1


def month_end_for(anchor: date, interval: int, month_end: str) -> str:
    """A rule of whole years from 29 February has the leap years alone (worked example)."""
    return "skip" if anchor.strftime("%m-%d") == "02-29" and interval % 12 == 0 else month_end


def same_day_of_month(day: date, anchor: date, month_end: str) -> bool:
    falls_short = is_last_of_month(day) and day.day < anchor.day
    return day.day == anchor.day or (month_end == "clamp" and falls_short)


def same_ordinal(day: date, anchor: date) -> bool:
    """True if day and anchor are the same n-th weekday of their months; a fifth counts as the
    last."""
    if ordinal(anchor) == 5:
        return (day + 7 * DAY).month != day.month
    return ordinal(day) == ordinal(anchor)


def ordinal(day: date) -> int:
    return len([d for d in range(1, day.day + 1) if (day.day - d) % 7 == 0])


def expected_rrule_dates(
    anchor: date, parts: Mapping[str, str], first: date, last: date
) -> list[date]:
    """The days of an RRULE of DAILY, WEEKLY or MONTHLY with INTERVAL, BYDAY, BYMONTHDAY, BYMONTH,
    BYSETPOS, WKST, COUNT and UNTIL; COUNT counts from the anchor, and counts it if it fits."""
    fits, interval = rrule_fit(anchor, parts), int(parts.get("INTERVAL", "1"))
    periods = periods_from(anchor, last, parts["FREQ"], parts.get("WKST", "MO"))
    wanted = [[day for day in days if fits(day)] for days in periods[::interval]]
    if "BYSETPOS" in parts:
        wanted = [at_positions(days, parts["BYSETPOS"]) for days in wanted]
    found = [day for days in wanted for day in days if day >= anchor]
    if "COUNT" in parts:
        found = found[: int(parts["COUNT"])]
    until = parts.get("UNTIL", "99991231")[:8]
    return [d for d in found if first <= d <= last and d > anchor and d.strftime("%Y%m%d") <= until]


def periods_from(anchor: date, last: date, frequency: str, week_start: str) -> list[list[date]]:
    """Whole days, weeks or months, from the one that holds the anchor to the one of `last`."""
    begins: dict[str, Callable[[date], bool]] = {
        "DAILY": lambda day: True,
        "WEEKLY": lambda day: RRULE_DAYS[day.isoweekday() - 1] == week_start,
        "MONTHLY": lambda day: day.day == 1,
    }
    day, periods = anchor, list[list[date]]()
    while not begins[frequency](day):
        day -= DAY
    while True:
        if begins[frequency](day):
            if day > last:
                return periods
            periods.append([])
        periods[-1].append(day)
        day += DAY


def at_positions(days: Sequence[date], positions: str) -> list[date]:
    """BYSETPOS: the n-th from the front, or with a minus from the end, each once, in order."""
    wanted = [int(text) for text in positions.split(",")]
    return [
        day for index, day in enumerate(days) if index + 1 in wanted or index - len(days) in wanted
    ]


def rrule_fit(anchor: date, parts: Mapping[str, str]) -> Callable[[date], bool]:
    weekdays = [text for text in parts.get("BYDAY", "").split(",") if text]
    month_days = [int(text) for text in parts.get("BYMONTHDAY", "").split(",") if text]
    months = [int(text) for text in parts.get("BYMONTH", "").split(",") if text]
    if not weekdays and not month_days:
        weekdays = [RRULE_DAYS[anchor.isoweekday() - 1]] if parts["FREQ"] == "WEEKLY" else []
        month_days = [anchor.day] if parts["FREQ"] == "MONTHLY" else []

    def fits(day: date) -> bool:
        return (
            (not months or day.month in months)
            and (not month_days or is_month_day(day, month_days))
            and (not weekdays or any(is_rrule_day(day, text) for text in weekdays))
        )

    return fits


def is_month_day(day: date, wanted: Sequence[int]) -> bool:
    from_end = 0
    while (day + from_end * DAY).month == day.month:
        from_end += 1
    return day.day in wanted or -from_end in wanted


def is_rrule_day(day: date, text: str) -> bool:
    """'MO', '2TU', '-1SU' in the day's month"""
    if RRULE_DAYS[day.isoweekday() - 1] != text[-2:]:
        return False
    if len(text) == 2:
        return True
    n, step = int(text[:-2]), 7 * DAY if text[0] == "-" else -7 * DAY
    same = 0
    while (day + same * step).month == day.month:
        same += 1
    return same == abs(n)
