"""Dates and times of the page in its language, in both calendars.

In Amharic the Ethiopian calendar and clock stand first, as in messages; in English the Gregorian.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from scheduler.calendar_names import month_names
from scheduler.words import duration
from tasks.messages.amharic import ETHIOPIAN_MONTHS, Amharic
from tasks.messages.clock import EthiopianDate, ethiopian_date
from tasks.messages.english import English

AMHARIC, ENGLISH = Amharic(), English()


@cache
def ethiopian_months() -> tuple[str, ...]:
    """Names in Latin letters (CLDR's, of the Ethiopic calendar)."""
    return (
        "Meskerem", "Tekemt", "Hedar", "Tahsas", "Ter", "Yekatit", "Megabit", "Miazia", "Genbot",
        "Sene", "Hamle", "Nehasse", "Pagumen",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates in `language`, instants in `zone`."""

    language: str
    zone: ZoneInfo
    now: datetime

    def day(self, day: date) -> str:
        """'Monday 30 November 2026 (21 Hedar 2019)'; in Amharic the other way round."""
        if self.language == "am":
            return AMHARIC.full_date(day)
        return f"{ENGLISH.full_date(day)} ({in_latin(ethiopian_date(day))})"

    def month(self, first: date) -> str:
        """Of a month's first day: 'December 2026 (Hedar–Tahsas 2019)'"""
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        begin, end = ethiopian_date(first), ethiopian_date(last)
        names = ETHIOPIAN_MONTHS if self.language == "am" else ethiopian_months()
        theirs = f"{names[begin.month - 1]}–{names[end.month - 1]} {end.year}"
        ours = f"{month_names(self.language)[first.month - 1]} {first.year}"
        return f"{theirs} ዓ.ም. ({ours})" if self.language == "am" else f"{ours} ({theirs})"

    def ethiopian_day(self, day: date) -> str:
        """'21 Hedar', 'ኅዳር 21'"""
        found = ethiopian_date(day)
        if self.language == "am":
            return f"{ETHIOPIAN_MONTHS[found.month - 1]} {found.day}"
        return f"{found.day} {ethiopian_months()[found.month - 1]}"

    def clock(self, wall: time | None) -> str:
        """'14:00', 'ከቀኑ 8:00 (14:00)'"""
        if wall is None:
            return "?"
        if self.language == "am":
            return AMHARIC.brief_clock(datetime.combine(self.now.date(), wall))
        return f"{wall:%H:%M}"

    def at(self, instant: datetime) -> str:
        """Date and time at the site."""
        wall = instant.astimezone(self.zone)
        return f"{self.day(wall.date())}, {self.clock(wall.time())}"

    def since(self, instant: datetime) -> str:
        """Time from now, or to it: '12 min ago'."""
        gone = self.now - instant
        if self.language == "am":
            length = AMHARIC.lasting(abs(gone)) or "1 ደቂቃ"
            return f"ከ{length} በፊት" if gone > timedelta(0) else f"ከ{length} በኋላ"
        return f"{duration(gone)} ago" if gone > timedelta(0) else f"in {duration(-gone)}"


def in_latin(day: EthiopianDate) -> str:
    """'21 Hedar 2019'"""
    return f"{day.day} {ethiopian_months()[day.month - 1]} {day.year}"
