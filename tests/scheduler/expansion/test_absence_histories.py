"""Random histories of absences, compared with a walk over the days after each run."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.expansion import expand
from scheduler.settings import Settings
from tests.builders import a_student, a_tutor, an_absence, an_anchor
from tests.scheduler.expansion.expanded_site import DAY, NOON, Site
from tests.servers import shared_engine_on

NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
AHEAD = 28
STEPS = 7


@dataclass
class Away:
    """An absence in the model. `hours`: None for whole days."""

    number: int
    tutor: int | None
    student: int | None
    first: date
    last: date
    hours: tuple[time, time] | None


@dataclass
class Rule:
    """A weekly rule at `start`, an hour long. `stood`: what the last run left of each date."""

    anchor: int
    tutor: int
    student: int
    start: time
    days: set[int]
    count: int | None
    stood: dict[date, bool] = field(default_factory=dict)

    def is_covered(self, day: date, absences: list[Away]) -> bool:
        return any(
            away.tutor in (None, self.tutor)
            and away.student in (None, self.student)
            and away.first <= day <= away.last
            and (away.hours is None or (
                away.hours[0] < time(self.start.hour + 1) and self.start < away.hours[1]))
            for away in absences
        )  # fmt: skip

    def walk(self, first: date, at: datetime, absences: list[Away]) -> list[date]:
        """The dates with a live session after a run at `at` (a wall time)."""
        left = None if self.count is None else self.count - 1
        stood = dict[date, bool]()
        day = first
        while day < at.date() + AHEAD * DAY and left != 0:
            day += DAY
            if day.weekday() not in self.days:
                continue
            stands = not self.is_covered(day, absences)
            if datetime.combine(day, self.start) <= at:
                stands = self.stood[day]
            stood[day] = stands
            if left is not None and stands:
                left -= 1
        self.stood = stood
        return [day for day, stands in stood.items() if stands]


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_are_those_of_a_walk_over_the_days(conn: Connection, database: str, seed: int) -> None:
    chance, site = random.Random(seed), Site(conn, shared_engine_on(database))
    first, at = date(2026, 12, 1), NOON
    tutors, students = ([make(conn) for _ in range(2)] for make in (a_tutor, a_student))
    rules = []
    for hour, (tutor, student) in zip((8, 10, 14, 16), [
        (0, 0), (0, 1), (1, 0), (1, 1)
    ], strict=True):  # fmt: skip
        days, count = set(chance.sample(range(7), 3)), chance.choice((None, 4, 9))
        pattern = {"days": [NAMES[day] for day in sorted(days)]} | (
            {"count": count} if count else {}
        )
        people: dict[str, Any] = {"tutor_id": tutors[tutor], "student_id": students[student]}
        people |= {"start_time": time(hour), "end_time": time(hour + 1)}
        anchor = an_anchor(conn, session_date=first, recurring_pattern=pattern, **people)
        rules.append(Rule(anchor, tutors[tutor], students[student], time(hour), days, count))
    absences: list[Away] = []
    told = [f"seed {seed}"]
    for _ in range(STEPS):
        for _ in range(chance.randrange(3)):
            if absences and chance.random() < 0.4:
                gone = absences.pop(chance.randrange(len(absences)))
                site.sql("UPDATE session_worker.absence SET withdrawn_at = now() WHERE id = :id",
                         id=gone.number)  # fmt: skip
                told.append(f"withdrawn: {gone}")
            else:
                absences.append(enter(site, chance, at, tutors, students))
                told.append(f"entered: {absences[-1]}")
        conn.commit()
        expand(site.engine, Settings(expand_days=AHEAD), at)
        wall = at.replace(tzinfo=None) + timedelta(hours=3)
        told.append(f"run at {wall}")
        for rule in rules:
            assert live(site, rule) == rule.walk(first, wall, absences), (rule, told)
        at += timedelta(hours=chance.randrange(2, 130))


def enter(
    site: Site, chance: random.Random, at: datetime, tutors: list[int], students: list[int]
) -> Away:
    who = chance.choice(("tutor", "student", "everybody"))
    tutor = chance.choice(tutors) if who == "tutor" else None
    student = chance.choice(students) if who == "student" else None
    first = at.date() + chance.randrange(-3, 20) * DAY
    last = first + chance.randrange(9) * DAY
    hours = chance.choice((None, None, (time(9), time(11)), (time(14, 30), time(23))))
    given = {} if hours is None else {"from_time": hours[0], "until_time": hours[1]}
    number = an_absence(site.conn, first, last, tutor_id=tutor, student_id=student, **given)
    return Away(number, tutor, student, first, last, hours)


def live(site: Site, rule: Rule) -> list[date]:
    rows = site.sql(
        """SELECT t.session_date FROM tutor_sessions t
             JOIN session_worker.occurrence o ON o.session_id = t.id AND o.anchor_id = :id
            WHERE t.status <> 'cancelled' ORDER BY 1""",
        id=rule.anchor,
    )
    return list(rows.scalars())
