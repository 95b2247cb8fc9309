"""Times in Afaan Oromo and Tigrinya: Ethiopian calendar and clock first, the Gregorian in brackets.

In both languages CLDR's names of the Gregorian months are those that Ethiopia gives to its own
months, which begin about three weeks earlier: Sadaasa 18 of the Ethiopian calendar is 27 November,
CLDR's Sadaasa 27. So the Gregorian date in brackets has the English month, and where there is no
room for it the weekday tells which calendar is meant (docs/decisions/0110).
"""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import date, datetime

from scheduler.calendar_names import month_names, weekday_names
from tasks.messages.clock import Period, ethiopian_date, ethiopian_time
from tasks.messages.moment import Moment, Tongue, city

DAWN = 6  # o'clock; in these languages the day begins here
MESKEREM = 8  # place of September, which has the name of the first Ethiopian month


class Ethiopian(Tongue):
    """Phrases for times of a language that has Gregorian and Ethiopian months of the same names."""

    comma: str
    today: str
    tomorrow: str
    until: str
    next_day: str  # before an hour of the day after
    pagume: str  # the thirteenth month
    periods: Mapping[Period, str]

    @abstractmethod
    def date_of(self, month: str, day: int) -> str:
        """Day and month: 'Sadaasa 18'"""

    @abstractmethod
    def with_year(self, day: str, year: int) -> str:
        """Day, month and Ethiopian year"""

    @abstractmethod
    def hour_of(self, clock: str, period: str) -> str:
        """Hour and part of the day: 'guyyaa sa'aatii 8:00'"""

    @abstractmethod
    def brief_hour_of(self, clock: str, period: str) -> str:
        """The same in little room: 'guyyaa 8:00'"""

    @abstractmethod
    def time_in(self, place: str) -> str:
        """'Addis Ababa time'"""

    def told(self, moment: Moment) -> str:
        brief = self.brief(moment)
        if moment.is_counted:
            return f"{self.relative(moment)}{self.comma} {brief}"
        near = moment.days_away in (0, 1)
        return f"{self.day(moment)}{self.comma} {brief}" if near else brief

    def timed(self, moment: Moment) -> str:
        return f"{self.relative(moment)}{self.comma} {self.brief_clock(moment.starts_at)}"

    def upon(self, moment: Moment) -> str:
        return self.at(moment)

    def at(self, moment: Moment) -> str:
        wall = moment.starts_at
        if moment.days_away in (0, 1):
            return f"{self.day(moment)} {self.clock(wall)}"
        if moment.is_far:
            return f"{self.day(moment)}{self.comma} {self.clock(wall)}"
        if moment.in_one_calendar:
            return f"{self.day(moment)}{self.comma} {self.brief_clock(wall)}"
        told = f"{gregorian(wall.date())}, {wall:%H:%M}"
        return f"{self.day(moment)}{self.comma} {self.hour(wall)} ({told})"

    def day(self, moment: Moment) -> str:
        if moment.days_away in (0, 1):
            return (self.today, self.tomorrow)[moment.days_away]
        day = moment.starts_at.date()
        return (
            self.full_date(day) if moment.is_far else f"{self.weekday(day)} {self.ethiopian(day)}"
        )

    def full_date(self, day: date) -> str:
        """With no-break spaces, so that in HTML each calendar's date is a line; texts have
        spaces."""
        dated = self.with_year(self.ethiopian(day), ethiopian_date(day).year)
        whole = f"{gregorian(day)} {day.year}".replace(" ", "\u00a0")
        return f"{self.weekday(day)} {dated} ({whole})"

    def brief_date(self, moment: Moment) -> str:
        return self.brief_dates(moment, "")

    def brief(self, moment: Moment) -> str:
        wall = moment.starts_at
        if moment.in_one_calendar:
            return f"{self.brief_date(moment)} {self.brief_clock(wall)}"
        return self.brief_dates(moment, f" {wall:%H:%M}", f" {self.brief_hour(wall)}")

    def brief_dates(self, moment: Moment, told: str, hour: str = "") -> str:
        """Both dates, each with its hour; in one calendar the Ethiopian with the weekday."""
        day = moment.starts_at.date()
        ethiopian = self.ethiopian(day)
        year = ""
        if moment.is_far:
            ethiopian = self.with_year(ethiopian, ethiopian_date(day).year)
            year = f" {day.year}"
        if moment.in_one_calendar:
            return f"{weekday_names(self.code, 'abbreviated')[day.weekday()]} {ethiopian}"
        return f"{ethiopian}{hour} ({gregorian(day)}{year}{told})"

    def clock(self, wall: datetime) -> str:
        return f"{self.hour(wall)} ({wall:%H:%M})"

    def brief_clock(self, wall: datetime) -> str:
        return f"{self.brief_hour(wall)} ({wall:%H:%M})"

    def span(self, moment: Moment) -> str:
        starts, ends = moment.starts_at, moment.ends_at
        if ends is None:
            return self.clock(starts)
        told = f"({starts:%H:%M}–{ends:%H:%M})"
        if self.period(starts) == self.period(ends) and starts.date() == ends.date():
            hours = f"{o_clock(starts)} {self.until} {o_clock(ends)}"
            return f"{self.hour_of(hours, self.period(starts))} {told}"
        next_day = f"{self.next_day} " if ends.date() > starts.date() and ends.hour >= DAWN else ""
        return f"{self.hour(starts)} {self.until} {next_day}{self.hour(ends)} {told}"

    def zone(self, wall: datetime) -> str:
        place = city(getattr(wall.tzinfo, "key", ""))
        return self.time_in(place) if place else str(wall.tzname())

    def weekday(self, day: date) -> str:
        return f"{weekday_names(self.code)[day.weekday()]}{self.comma}"

    def ethiopian(self, day: date) -> str:
        """Day and month of the Ethiopian date"""
        converted = ethiopian_date(day)
        return self.date_of(self.months[converted.month - 1], converted.day)

    @property
    def months(self) -> tuple[str, ...]:
        """Meskerem first: September has its name."""
        names = month_names(self.code)
        return (*names[MESKEREM:], *names[:MESKEREM], self.pagume)

    def hour(self, wall: datetime) -> str:
        return self.hour_of(o_clock(wall), self.period(wall))

    def brief_hour(self, wall: datetime) -> str:
        return self.brief_hour_of(o_clock(wall), self.period(wall))

    def period(self, wall: datetime) -> str:
        return self.periods[ethiopian_time(wall.time()).period]


def o_clock(wall: datetime) -> str:
    """'8:00' on the Ethiopian clock"""
    clock = ethiopian_time(wall.time())
    return f"{clock.hour}:{clock.minute:02}"


def gregorian(day: date) -> str:
    """'27 Nov'"""
    return f"{day.day} {month_names('en', 'abbreviated')[day.month - 1]}"
