"""Times and people in Tigrinya. No native reader has seen these words (docs/templates.md)."""

from datetime import timedelta

from scheduler.calendar_names import counted
from scheduler.settings import Role
from tasks.messages.clock import Period
from tasks.messages.ethiopian import Ethiopian

NAMES_SHOWN = 5
NAMED_TOGETHER = 2
REPLACED = {Role.TUTOR: "መምህር", Role.STUDENT: "ተምሃራይ"}
CITIES = {"Addis Ababa": "ኣዲስ ኣበባ"}
# CLDR 48 has ጉንበት for May, against its own short name (ግን) and the common spelling.
SPELLED = {"ጉንበት": "ግንቦት"}


class Tigrinya(Ethiopian):
    """Phrases of messages in Tigrinya."""

    code = "ti"
    session = "ትምህርቲ"
    no_link = "ኦንላይን፣ ሊንክ የለን"
    comma = "፣"
    today = "ሎሚ"
    tomorrow = "ጽባሕ"
    until = "ክሳብ"
    next_day = "ንጽባሒቱ"
    pagume = "ጳጉሜን"
    periods = {  # noqa: RUF012  # a constant of the class
        Period.NIGHT: "ለይቲ",
        Period.MORNING: "ንግሆ",
        Period.DAY: "ድሕሪ ቀትሪ",
        Period.EVENING: "ምሸት",
    }

    def date_of(self, month: str, day: int) -> str:
        return f"{day} {SPELLED.get(month, month)}"

    def with_year(self, day: str, year: int) -> str:
        return f"{day} {year} ዓ.ም."

    def hour_of(self, clock: str, period: str) -> str:
        return f"ሰዓት {clock} {period}"

    def brief_hour_of(self, clock: str, period: str) -> str:
        return f"{clock} {period}"

    def time_in(self, place: str) -> str:
        return f"ብናይ {CITIES.get(place, place)} ሰዓት"

    def now(self) -> str:
        return "ሕጂ"

    def after(self, wait: timedelta) -> str:
        """'ድሕሪ 12 ደቒቓታት'. One hour is a word, as the number could be read as one o'clock."""
        return f"ድሕሪ {self.lasting(wait)}"

    def lasting(self, length: timedelta) -> str:
        hours, minutes = divmod(length // timedelta(minutes=1), 60)
        hour = "ሓደ ሰዓት" if hours == 1 else counted(hours, "hour", "ti") if hours else ""
        minute = counted(minutes, "minute", "ti") if minutes else ""
        return "ን ".join(part for part in (hour, minute) if part) + ("ን" if hour and minute else "")

    def what(self, subject: str, who: str) -> str:
        """'ናይ Mathematics ትምህርቲ ምስ Sara'"""
        name = subject if subject == self.session else f"ናይ {subject} ትምህርቲ"
        return f"{name} {who}".rstrip()

    def who(self, role: Role, tutor: str, students: tuple[str, ...]) -> str:
        """'ምስ Sara', 'ንAbebe ምስ Sara', 'ምስ Abebeን Hanaን'"""
        named = len(students) <= NAMED_TOGETHER
        pupils = students if named else (f"{len(students)} ተምሃሮ",)
        with_tutor = f"ምስ {tutor}" if tutor else ""
        if role is Role.STUDENT or not students:
            return with_tutor if role is not Role.TUTOR else ""
        if role is Role.TUTOR:
            return f"ምስ {both(pupils)}"
        return f"{both(tuple(f'ን{pupil}' for pupil in pupils))} {with_tutor}".strip()

    def replacement(self, role: Role, names: tuple[str, ...]) -> str:
        named = both(tuple(name for name in names if name))
        who = REPLACED[role]
        return f"ሓድሽ {who}፦ {named}" if named else f"{who} ተቐይሩ"

    def away(self, role: Role, reader: Role, names: tuple[str, ...]) -> str:
        if role is reader:
            return "ንስኹም ኣይትርከቡን"
        return f"{both(tuple(name for name in names if name)) or REPLACED[role]} ኣይርከቡን"

    def names(self, students: tuple[str, ...]) -> str:
        shown, more = students[:NAMES_SHOWN], len(students) - NAMES_SHOWN
        if more > 0:
            return f"{'፣ '.join(shown)} ከምኡውን ካልኦት {more}"
        return "፣ ".join(shown)


def both(names: tuple[str, ...]) -> str:
    """'Abebe', 'Abebeን Hanaን' (CLDR's pattern of a list), 'Abebe፣ Hanaን Saraን'"""
    if len(names) < 2:
        return "".join(names)
    *others, last = names
    return f"{'፣ '.join(others)}ን {last}ን"
