"""The inbox that each person should have, by a walk through the days of the term.

It knows the courses, and what happened when (`tests.school_term.term`); nothing of the worker.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.school_term.school import (
    ALMAZ,
    COURSES,
    DAWIT,
    DAY,
    HANA,
    HOUR,
    LIYA,
    MARTA,
    MINUTE,
    SARA,
    WEEK,
    Course,
    Letter,
)
from tests.school_term.term import (
    CONFERENCE,
    CONFERENCE_ENTERED,
    DAYS,
    FORGOTTEN,
    HOLIDAY,
    HOLIDAY_ENTERED,
    ILL,
    ILL_ENTERED,
    MARTA_STOPS,
    NEVER_HEARD,
    OUTAGE,
    PHONE_DIES,
    UNHEARD,
    day,
)


@dataclass(frozen=True, slots=True, order=True)
class Gist:
    """A message by what it is about. `what`: reminder, alarm, cancelled, escalation or question;
    `about`: the subject, or how many sessions."""

    at: datetime
    person: str
    channel: str
    what: str
    about: str


@dataclass(frozen=True, slots=True)
class Away:
    """`who`: a tutor or a student, None for everybody."""

    who: str | None
    first: datetime
    last: datetime
    entered: datetime

    def covers(self, course: Course, start: datetime) -> bool:
        concerned = self.who in (None, course.tutor, course.student)
        return concerned and self.first.date() <= start.date() <= self.last.date()


ABSENCES = (
    Away(HANA, *CONFERENCE, CONFERENCE_ENTERED),
    Away(None, HOLIDAY, HOLIDAY, HOLIDAY_ENTERED),
    Away(SARA, ILL, ILL, ILL_ENTERED),
)
PARENTS = {SARA: ALMAZ, LIYA: MARTA}


def expected(days: int = DAYS) -> Sequence[Gist]:
    """The messages of the first days, in the order of time."""
    end = day(0, days)
    found = [
        gist
        for course in COURSES
        for start, away in walk(course)
        for gist in of_lesson(course, start, away)
    ]
    return sorted(each for each in (*found, *cancellations()) if each.at < end)


def walk(course: Course) -> Iterator[tuple[datetime, Away | None]]:
    """The course's dates, and which absence leaves one out; what is left out is made up."""
    left = course.count
    for week in range(DAYS // 7 + 1):
        if left == 0:
            return
        start = course.first + week * WEEK
        away = next((each for each in ABSENCES if each.covers(course, start)), None)
        if left is not None and away is None:
            left -= 1
        yield start, away


def of_lesson(course: Course, start: datetime, away: Away | None) -> Iterator[Gist]:
    for gist in of_lesson_held(course, start):
        if away is None or gist.at < away.entered:
            yield gist


def of_lesson_held(course: Course, start: datetime) -> Iterator[Gist]:
    for lead in (DAY, HOUR):
        yield Gist(after_outage(start - lead), course.tutor, "email", "reminder", course.subject)
    alarm = start - 15 * MINUTE
    is_by_sms = course.student == DAWIT and alarm < PHONE_DIES
    yield Gist(alarm, course.student, "sms" if is_by_sms else "email", "alarm", course.subject)
    if is_by_sms:
        yield Gist(PHONE_DIES, course.student, "email", "alarm", course.subject)
    parent = PARENTS.get(course.student)
    is_heard = start != UNHEARD and course.student != NEVER_HEARD
    if parent and not is_heard and not (parent == MARTA and start > MARTA_STOPS):
        yield Gist(start - 5 * MINUTE, parent, "email", "escalation", course.subject)
    if start == FORGOTTEN:
        asked = start + HOUR + 30 * MINUTE
        yield Gist(asked, course.tutor, "email", "question", course.subject)


def after_outage(at: datetime) -> datetime:
    """What was due in the outage goes by the worker's next try, a quarter of an hour after it."""
    return OUTAGE[1] + 15 * MINUTE if OUTAGE[0] <= at < OUTAGE[1] else at


def cancellations() -> Iterator[Gist]:
    """One message for each person and absence."""
    for away in ABSENCES:
        about: dict[str, list[str]] = {}
        for course in COURSES:
            for _, reason in walk(course):
                if reason is away:
                    about.setdefault(course.tutor, []).append(course.subject)
                    about.setdefault(course.student, []).append(course.subject)
        for person, subjects in about.items():
            words = subjects[0] if len(subjects) == 1 else str(len(subjects))
            yield Gist(away.entered, person, "email", "cancelled", words)


TITLES = (
    ("reminder", re.compile(r"Reminder: (\w+) with")),
    ("cancelled", re.compile(r"Cancelled: (\w+) with")),
    ("cancelled", re.compile(r"(\d+) sessions cancelled")),
    ("escalation", re.compile(r"Not acknowledged: (\w+) for")),
    ("question", re.compile(r"Held, missed or moved\? (\w+) with")),
    ("alarm", re.compile(r"(\w+) with [\w ]+ begins in")),
)


def gist_of(letter: Letter) -> Gist:
    """What a message is about, by its subject, or an SMS's text."""
    for what, pattern in TITLES:
        if found := pattern.match(letter.title or letter.text):
            return Gist(letter.at, letter.person, letter.channel, what, found[1])
    return Gist(letter.at, letter.person, letter.channel, "unknown", letter.title)
