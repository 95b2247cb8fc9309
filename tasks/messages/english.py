"""Times and people in English."""

from datetime import date, datetime, timedelta

from scheduler.calendar_names import month_names, weekday_names
from scheduler.settings import Role
from tasks.messages.moment import Moment, Tongue, city

NAMES_SHOWN = 5
NAMED_TOGETHER = 2


class English(Tongue):
    """Phrases of messages in English."""

    code = "en"
    session = "Session"
    no_link = "online, no link yet"

    def now(self) -> str:
        return "now"

    def after(self, wait: timedelta) -> str:
        return f"in {self.lasting(wait)}"

    def told(self, moment: Moment) -> str:
        if moment.is_counted:
            return f"{self.relative(moment)}, {self.brief(moment)}"
        if moment.days_away in (0, 1):
            return f"{self.day(moment)}, {self.brief(moment)}"
        return f"on {self.brief_date(moment)} at {self.clock(moment.starts_at)}"

    def timed(self, moment: Moment) -> str:
        return f"{self.relative(moment)}, at {self.clock(moment.starts_at)}"

    def upon(self, moment: Moment) -> str:
        near = moment.days_away in (0, 1)
        return self.at(moment) if near else f"on {self.at(moment)}"

    def at(self, moment: Moment) -> str:
        return f"{self.day(moment)} at {moment.starts_at:%H:%M}"

    def day(self, moment: Moment) -> str:
        if moment.days_away in (0, 1):
            return ("today", "tomorrow")[moment.days_away]
        date = self.full_date(moment.starts_at.date())
        return date if moment.is_far else date.rpartition(" ")[0]

    def full_date(self, day: date) -> str:
        month = month_names("en")[day.month - 1]
        return f"{weekday_names('en')[day.weekday()]} {day.day} {month} {day.year}"

    def brief_date(self, moment: Moment) -> str:
        day = moment.starts_at.date()
        year = f" {day.year}" if moment.is_far else ""
        weekday = weekday_names("en", "abbreviated")[day.weekday()]
        return f"{weekday} {day.day} {month_names('en', 'abbreviated')[day.month - 1]}{year}"

    def brief(self, moment: Moment) -> str:
        return f"{self.brief_date(moment)} {self.clock(moment.starts_at)}"

    def clock(self, wall: datetime) -> str:
        return f"{wall:%H:%M}"

    def brief_clock(self, wall: datetime) -> str:
        return self.clock(wall)

    def span(self, moment: Moment) -> str:
        starts, ends = moment.starts_at, moment.ends_at
        if ends is None:
            return self.clock(starts)
        next_day = " next day" if ends.date() > starts.date() else ""
        return f"{starts:%H:%M}–{ends:%H:%M}{next_day}"

    def zone(self, wall: datetime) -> str:
        place = city(getattr(wall.tzinfo, "key", ""))
        return f"{place} time" if place else str(wall.tzname())

    def lasting(self, length: timedelta) -> str:
        hours, minutes = divmod(length // timedelta(minutes=1), 60)
        parts = (count(hours, "hour") if hours else "", count(minutes, "minute") if minutes else "")
        return " ".join(part for part in parts if part)

    def what(self, subject: str, who: str) -> str:
        return f"{subject} {who}".rstrip()

    def who(self, role: Role, tutor: str, students: tuple[str, ...]) -> str:
        named = len(students) <= NAMED_TOGETHER
        pupils = " and ".join(students) if named else count(len(students), "student")
        with_tutor = f"with {tutor}" if tutor else ""
        if role is Role.STUDENT or not students:
            return with_tutor if role is not Role.TUTOR else ""
        if role is Role.TUTOR:
            return f"with {pupils}"
        return f"for {pupils} {with_tutor}".strip()

    def replacement(self, role: Role, names: tuple[str, ...]) -> str:
        named = " and ".join(name for name in names if name)
        return f"the {role} is now {named}" if named else f"there is another {role}"

    def away(self, role: Role, reader: Role, names: tuple[str, ...]) -> str:
        if role is reader:
            return "you are away"
        named = [name for name in names if name]
        is_away = "are away" if len(named) > 1 else "is away"
        return f"{' and '.join(named) or f'the {role}'} {is_away}"

    def names(self, students: tuple[str, ...]) -> str:
        shown, more = students[:NAMES_SHOWN], len(students) - NAMES_SHOWN
        if more > 0:
            return f"{', '.join(shown)} and {more} more"
        return ", ".join(shown)


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
