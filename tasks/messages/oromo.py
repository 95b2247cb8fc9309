"""Times and people in Afaan Oromo. No native reader has seen these words (docs/templates.md)."""

from datetime import timedelta

from scheduler.settings import Role
from tasks.messages.clock import Period
from tasks.messages.ethiopian import Ethiopian

NAMES_SHOWN = 5
NAMED_TOGETHER = 2
REPLACED = {
    Role.TUTOR: ("barsiisaan haaraan", "barsiisaan jijjiirameera"),
    Role.STUDENT: ("barataan haaraan", "barataan jijjiirameera"),
}
AWAY = {Role.TUTOR: "barsiisaan", Role.STUDENT: "barataan"}
CITIES = {"Addis Ababa": "Finfinnee"}


class Oromo(Ethiopian):
    """Phrases of messages in Afaan Oromo."""

    code = "om"
    session = "Barnoota"
    no_link = "toora interneetii, liinkiin hin jiru"
    comma = ","
    today = "har'a"
    tomorrow = "boru"
    until = "hanga"
    next_day = "guyyaa itti aanu"
    pagume = "Qaammee"
    periods = {  # noqa: RUF012  # a constant of the class
        Period.NIGHT: "halkan",
        Period.MORNING: "ganama",
        Period.DAY: "guyyaa",
        Period.EVENING: "galgala",
    }

    def date_of(self, month: str, day: int) -> str:
        return f"{month} {day}"

    def with_year(self, day: str, year: int) -> str:
        return f"{day} bara {year} A.L.I."

    def hour_of(self, clock: str, period: str) -> str:
        return f"{period} sa'aatii {clock}"

    def brief_hour_of(self, clock: str, period: str) -> str:
        return f"{period} {clock}"

    def time_in(self, place: str) -> str:
        return f"sa'aatii {CITIES.get(place, place)}"

    def now(self) -> str:
        return "amma"

    def after(self, wait: timedelta) -> str:
        """'daqiiqaa 12 booda'. One hour is a word, as the number could be read as one o'clock."""
        return f"{self.lasting(wait)} booda"

    def lasting(self, length: timedelta) -> str:
        hours, minutes = divmod(length // timedelta(minutes=1), 60)
        hour = "sa'aatii tokko" if hours == 1 else f"sa'aatiiwwan {hours}" if hours else ""
        minute = f"daqiiqaa {minutes}" if minutes else ""
        return " fi ".join(part for part in (hour, minute) if part)

    def what(self, subject: str, who: str) -> str:
        """'Barnoota Mathematics, Sara waliin'"""
        name = subject if subject == self.session else f"Barnoota {subject}"
        return f"{name}, {who}" if who else name

    def who(self, role: Role, tutor: str, students: tuple[str, ...]) -> str:
        """'Sara waliin', 'barataa Abebe, Sara waliin'"""
        named = len(students) <= NAMED_TOGETHER
        pupils = " fi ".join(students) if named else f"barattoota {len(students)}"
        with_tutor = f"{tutor} waliin" if tutor else ""
        if role is Role.STUDENT or not students:
            return with_tutor if role is not Role.TUTOR else ""
        if role is Role.TUTOR:
            return f"{pupils} waliin"
        title = "barataa " if len(students) == 1 else "barattoota " if named else ""
        return ", ".join(part for part in (f"{title}{pupils}", with_tutor) if part)

    def replacement(self, role: Role, names: tuple[str, ...]) -> str:
        named = " fi ".join(name for name in names if name)
        another, changed = REPLACED[role]
        return f"{another}: {named}" if named else changed

    def away(self, role: Role, reader: Role, names: tuple[str, ...]) -> str:
        if role is reader:
            return "isin hin argamtan"
        return f"{' fi '.join(name for name in names if name) or AWAY[role]} hin argaman"

    def names(self, students: tuple[str, ...]) -> str:
        shown, more = students[:NAMES_SHOWN], len(students) - NAMES_SHOWN
        if more > 0:
            return f"{', '.join(shown)} fi kan biroo {more}"
        return ", ".join(shown)
