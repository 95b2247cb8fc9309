"""Covered sessions: the worker's judgement, the statement's, and a walk over the minutes."""

import random
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, text

from scheduler.site.absences import Absence, covers, read_absences
from tests.builders import an_absence

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MONDAY = date(2026, 12, 7)


def by_minutes(absence: Absence, starts: datetime, ends: datetime) -> bool:
    """A session is covered where one of its minutes lies in the hours of one of the days; whole
    days go by the first minute alone."""
    whole = absence.begins is None and absence.ends is None
    begins, until = absence.begins or timedelta(0), absence.ends or DAY
    minute = starts
    while minute < ends:
        of_day = minute - datetime.combine(minute.date(), time.min)
        if absence.first_day <= minute.date() <= absence.last_day and begins <= of_day < until:
            return True
        if whole:
            return False
        minute += MINUTE
    return False


@pytest.mark.parametrize("seed", range(3))
def test_worker_and_statement_agree_with_a_walk_over_the_minutes(
    conn: Connection, seed: int
) -> None:
    chance = random.Random(seed)

    def a_time() -> time:
        return time(chance.randrange(24), chance.choice((0, 30)))

    for _ in range(40):
        begins, until = sorted((a_time(), a_time()))
        if begins == until:
            continue
        hours = {
            "from_time": chance.choice((None, begins)),
            "until_time": chance.choice((None, until)),
        }
        an_absence(conn, MONDAY, MONDAY + chance.randrange(3) * DAY, **hours)
    absences = {one.id: one for one in read_absences(conn).all}
    for _ in range(20):
        starts = datetime.combine(MONDAY + chance.randrange(-2, 4) * DAY, a_time())
        ends = starts + chance.choice((30, 60, 90, 600)) * MINUTE
        by_walk = {id_ for id_, one in absences.items() if by_minutes(one, starts, ends)}
        assert {id_ for id_, one in absences.items() if one.covers(starts, ends)} == by_walk
        condition = covers("a", ":day", "CAST(:starts AS timestamp)", "CAST(:ends AS timestamp)")
        condition = condition.replace(":day", "CAST(:day AS date)")
        found = conn.scalars(
            text(f"SELECT a.id FROM session_worker.absence a WHERE {condition}"),
            {"day": starts.date(), "starts": starts, "ends": ends},
        )
        assert set(found) == by_walk
