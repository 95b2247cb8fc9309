"""Times and people in Amharic: Ethiopian calendar and clock first, the Gregorian in brackets."""

from datetime import date, datetime, timedelta

from scheduler.calendar_names import month_names, weekday_names
from scheduler.settings import Role
from tasks.messages.clock import Period, ethiopian_date, ethiopian_time
from tasks.messages.moment import Moment, Tongue, city

ETHIOPIAN_MONTHS = (
    "መስከረም", "ጥቅምት", "ኅዳር", "ታኅሣሥ", "ጥር", "የካቲት", "መጋቢት", "ሚያዝያ", "ግንቦት", "ሰኔ",
    "ሐምሌ", "ነሐሴ", "ጳጉሜን",
)  # fmt: skip
NAMES_SHOWN = 5
NAMED_TOGETHER = 2
REPLACED = {Role.TUTOR: "አስጠኚ", Role.STUDENT: "ተማሪ"}
DAWN = 6  # o'clock; for a speaker of Amharic the day begins here
PERIODS = {Period.NIGHT: "ሌሊቱ", Period.MORNING: "ጠዋቱ", Period.DAY: "ቀኑ", Period.EVENING: "ምሽቱ"}
CITIES = {"Addis Ababa": "አዲስ አበባ"}


class Amharic(Tongue):
    """Phrases of messages in Amharic."""

    code = "am"
    session = "ትምህርት"
    no_link = "ኦንላይን፣ ሊንክ የለም"

    def now(self) -> str:
        return "አሁን"

    def after(self, wait: timedelta) -> str:
        """'ከ12 ደቂቃ በኋላ'. The hour is a word: 'ከ1 ሰዓት በኋላ' also means "after one o'clock"."""
        hours, minutes = divmod(wait // timedelta(minutes=1), 60)
        hour = "ከአንድ ሰዓት" if hours == 1 else f"ከ{hours} ሰዓታት" if hours else ""
        minute = f"ከ{minutes} ደቂቃ" if minutes else ""
        return f"{hour} {minute}".strip() + " በኋላ"

    def told(self, moment: Moment) -> str:
        brief = self.brief(moment)
        if moment.is_counted:
            return f"{self.relative(moment)}፣ {brief}"
        return f"{self.day(moment)}፣ {brief}" if moment.days_away in (0, 1) else f"{brief} ላይ"

    def timed(self, moment: Moment) -> str:
        return f"{self.relative(moment)}፣ {self.brief_clock(moment.starts_at)}"

    def upon(self, moment: Moment) -> str:
        return f"{self.at(moment)} ላይ"

    def at(self, moment: Moment) -> str:
        """'ነገ ከቀኑ 8:00 ሰዓት (14:00)', 'ዓርብ ኅዳር 18 ቀን ከቀኑ 8:00 ሰዓት (ኖቬምበር 27, 14:00)'"""
        wall = moment.starts_at
        if moment.days_away in (0, 1) or moment.is_far:
            return f"{self.day(moment)} {self.clock(wall)}"
        month = month_names("am")[wall.month - 1]
        return f"{self.day(moment)} ከ{hour_of(wall)} ሰዓት ({month} {wall.day}, {wall:%H:%M})"

    def day(self, moment: Moment) -> str:
        if moment.days_away in (0, 1):
            return ("ዛሬ", "ነገ")[moment.days_away]
        day = moment.starts_at.date()
        if moment.is_far:
            return self.full_date(day)
        ethiopian = ethiopian_date(day)
        month = ETHIOPIAN_MONTHS[ethiopian.month - 1]
        return f"{weekday_names('am')[day.weekday()]} {month} {ethiopian.day} ቀን"

    def full_date(self, day: date) -> str:
        """'ዓርብ ኅዳር 18 ቀን 2019 ዓ.ም. (ኖቬምበር 27, 2026)'

        With no-break spaces, so that in HTML each calendar's date is a line; texts have spaces.
        """
        ethiopian = ethiopian_date(day)
        month = ETHIOPIAN_MONTHS[ethiopian.month - 1]
        gregorian = f"{month_names('am')[day.month - 1]}\u00a0{day.day},\u00a0{day.year}"
        return (
            f"{weekday_names('am')[day.weekday()]} {month} {ethiopian.day} ቀን"
            f" {ethiopian.year}\u00a0ዓ.ም. ({gregorian})"
        )

    def brief_date(self, moment: Moment) -> str:
        """'ኅዳር 18 (27 Nov)'"""
        ethiopian, gregorian = brief_dates(moment)
        return ethiopian if moment.in_one_calendar else f"{ethiopian} ({gregorian})"

    def brief(self, moment: Moment) -> str:
        """'ኅዳር 18 ከቀኑ 8:00 (27 Nov 14:00)'"""
        ethiopian, gregorian = brief_dates(moment)
        wall = moment.starts_at
        told = "" if moment.in_one_calendar else f"{gregorian} "
        return f"{ethiopian} ከ{hour_of(wall)} ({told}{wall:%H:%M})"

    def clock(self, wall: datetime) -> str:
        """'ከቀኑ 8:00 ሰዓት (14:00)'"""
        return f"ከ{hour_of(wall)} ሰዓት ({wall:%H:%M})"

    def brief_clock(self, wall: datetime) -> str:
        """'ከቀኑ 8:00 (14:00)'"""
        return f"ከ{hour_of(wall)} ({wall:%H:%M})"

    def span(self, moment: Moment) -> str:
        """'ከቀኑ 8:00 እስከ 9:00 ሰዓት (14:00–15:00)'; the period is said again where it changes.

        An end after midnight is not marked as the next day, as for a speaker of Amharic the day
        begins at dawn.
        """
        starts, ends = moment.starts_at, moment.ends_at
        if ends is None:
            return self.clock(starts)
        from_hour, to_hour = hour_of(starts), hour_of(ends)
        if from_hour.split()[0] == to_hour.split()[0]:
            to_hour = to_hour.split()[1]
        next_day = "ማግስቱ " if ends.date() > starts.date() and ends.hour >= DAWN else ""
        return f"ከ{from_hour} እስከ {next_day}{to_hour} ሰዓት ({starts:%H:%M}–{ends:%H:%M})"

    def zone(self, wall: datetime) -> str:
        place = city(getattr(wall.tzinfo, "key", ""))
        return f"በ{CITIES.get(place, place)} ሰዓት" if place else str(wall.tzname())

    def lasting(self, length: timedelta) -> str:
        hours, minutes = divmod(length // timedelta(minutes=1), 60)
        hour = "1 ሰዓት" if hours == 1 else f"{hours} ሰዓታት" if hours else ""
        minute = f"{minutes} ደቂቃ" if minutes else ""
        return " ከ".join(part for part in (hour, minute) if part)

    def what(self, subject: str, who: str) -> str:
        """'የMathematics ትምህርት ከSara ጋር'"""
        name = subject if subject == self.session else f"የ{subject} ትምህርት"
        return f"{name} {who}".rstrip()

    def who(self, role: Role, tutor: str, students: tuple[str, ...]) -> str:
        named = len(students) <= NAMED_TOGETHER
        pupils = students if named else (f"{len(students)} ተማሪዎች",)
        with_tutor = f"ከ{tutor} ጋር" if tutor else ""
        if role is Role.STUDENT or not students:
            return with_tutor if role is not Role.TUTOR else ""
        if role is Role.TUTOR:
            return f"{' እና '.join(f'ከ{pupil}' for pupil in pupils)} ጋር"
        return f"{' እና '.join(f'ለ{pupil}' for pupil in pupils)} {with_tutor}".strip()

    def replacement(self, role: Role, names: tuple[str, ...]) -> str:
        named = " እና ".join(name for name in names if name)
        who = REPLACED[role]
        return f"አዲሱ {who}፦ {named}" if named else f"{who}ው ተቀይሯል"

    def away(self, role: Role, reader: Role, names: tuple[str, ...]) -> str:
        if role is reader:
            return "እርስዎ አይገኙም"
        return f"{' እና '.join(name for name in names if name) or f'{REPLACED[role]}ው'} አይገኙም"

    def names(self, students: tuple[str, ...]) -> str:
        shown, more = students[:NAMES_SHOWN], len(students) - NAMES_SHOWN
        if more > 0:
            return f"{'፣ '.join(shown)} እና ሌሎች {more}"
        return "፣ ".join(shown)


def brief_dates(moment: Moment) -> tuple[str, str]:
    """'ኅዳር 18', '27 Nov'; with the year where the date is far"""
    day = moment.starts_at.date()
    ethiopian = ethiopian_date(day)
    theirs = f"{ETHIOPIAN_MONTHS[ethiopian.month - 1]} {ethiopian.day}"
    gregorian = f"{day.day} {month_names('en', 'abbreviated')[day.month - 1]}"
    if moment.is_far:
        return f"{theirs} ቀን {ethiopian.year}", f"{gregorian} {day.year}"
    return theirs, gregorian


def hour_of(wall: datetime) -> str:
    """'ቀኑ 8:00'"""
    clock = ethiopian_time(wall.time())
    return f"{PERIODS[clock.period]} {clock.hour}:{clock.minute:02}"
