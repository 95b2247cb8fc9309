"""The events of the term, week by week, and the rounds of the worker between them.

Weeks are counted from 0, the week of Monday, 7 December 2026.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from scheduler.reminders.progress import note_tick
from tests.school_term.school import (
    COURSES,
    DAY,
    HANA,
    HOUR,
    LIYA,
    MARTA,
    MINUTE,
    MONDAY,
    SARA,
    WEEK,
    School,
    wall,
)

DAYS = 14 * 7


def day(week: int, weekday: int, clock: str = "00:00") -> datetime:
    """A wall time on a weekday (0: Monday) of a week."""
    return wall(MONDAY + week * WEEK + weekday * DAY, clock)


# Hana is at a conference for a week; entered on Friday of the week before.
CONFERENCE = (day(1, 0), day(1, 4))
CONFERENCE_ENTERED = day(0, 4, "10:00")
# A holiday of the school's own.
HOLIDAY = day(2, 3)
HOLIDAY_ENTERED = day(2, 0, "09:00")
# Sara falls ill an hour before her lesson, after Hana was reminded of it.
ILL = day(4, 1)
ILL_ENTERED = day(4, 1, "13:20")
# Nobody taps on Sara's alarm. Liya never does on hers, of which her mother hears once.
UNHEARD = day(3, 1, "14:00")
NEVER_HEARD = LIYA
MARTA_STOPS = day(0, 0, "18:00")
# The mail server is away over noon, when Hana's reminder of an hour before is due.
OUTAGE = (day(5, 1, "12:00"), day(5, 1, "13:30"))
# The tutor forgets to write that the lesson was held.
FORGOTTEN = day(2, 0, "15:00")
PHONE_DIES = day(0, 3, "15:50")


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    act: Callable[[School], None]


def play(school: School, days: int = DAYS) -> None:
    """The whole term, or its first days."""
    end = day(0, days)
    note_tick(school.conn, day(-1, 0), day(-1, 0))
    for step in sorted((*events(), *lessons(days)), key=lambda one: one.at):
        if step.at < end:
            step.act(school)


def events() -> Iterator[Step]:
    yield Step(CONFERENCE_ENTERED, lambda school: school.absence(
        CONFERENCE_ENTERED, CONFERENCE[0].date(), CONFERENCE[1].date(),
        tutor_id=school.ids[HANA], reason="conference",
    ))  # fmt: skip
    yield Step(HOLIDAY_ENTERED, lambda school: school.absence(
        HOLIDAY_ENTERED, HOLIDAY.date(), HOLIDAY.date(), reason="Day of the school",
    ))  # fmt: skip
    yield Step(ILL_ENTERED, lambda school: school.absence(
        ILL_ENTERED, ILL.date(), ILL.date(), student_id=school.ids[SARA], reason="fever",
    ))  # fmt: skip
    yield Step(MARTA_STOPS, lambda school: school.stop(MARTA))
    yield Step(OUTAGE[0], lambda school: school.mail.reply("CONNECT", "421 4.3.2 down"))
    yield Step(OUTAGE[1], lambda school: school.mail.recover())
    for minutes in (15, 30, 45, 60):  # the worker goes on trying
        at = OUTAGE[1] + minutes * MINUTE
        yield Step(at, rounds(at))
    yield Step(PHONE_DIES - MINUTE, lambda school: school.phone_is_dead())
    yield Step(PHONE_DIES, rounds(PHONE_DIES))


def lessons(days: int) -> Iterator[Step]:
    for week in range(days // 7 + 2):
        yield Step(day(week, 0, "06:00"), expansion(day(week, 0, "06:00")))
        for course in COURSES:
            start = course.first + week * WEEK
            for moment in (start - DAY, start - HOUR, start - 15 * MINUTE, start - 5 * MINUTE,
                           start + HOUR + 30 * MINUTE):  # fmt: skip
                yield Step(moment, rounds(moment))
            if start != UNHEARD and course.student != NEVER_HEARD:
                yield Step(start - 10 * MINUTE, lambda school: school.acknowledge())
            if start != FORGOTTEN:
                yield Step(start + HOUR, taken_place(start))


def rounds(at: datetime) -> Callable[[School], None]:
    return lambda school: school.round(at)


def expansion(at: datetime) -> Callable[[School], None]:
    return lambda school: school.expand(at)


def taken_place(start: datetime) -> Callable[[School], None]:
    return lambda school: school.held(start)
