"""Histories of changes at random, against what each person's calendar and messages then show.

The oracle knows nothing of the ledger: after each pass it compares the site's rows with the
calendar that a person keeps by the files of their mails.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, TextClause, text

from tests.builders import a_session, a_student, a_tutor
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall
from tests.tasks.delivery.test_last_told import calendar_of

TUTORS = [f"tutor{n}@tutoring.example" for n in (1, 2)]
STUDENTS = [f"student{n}@tutoring.example" for n in (1, 2)]
CHANGES = (
    "UPDATE tutor_sessions SET tutor_id = 3 - tutor_id WHERE id = :id",
    "UPDATE tutor_sessions SET student_id = 3 - student_id WHERE id = :id",
    "UPDATE tutor_sessions SET status = 'cancelled' WHERE id = :id",
    "UPDATE tutor_sessions SET status = 'scheduled' WHERE id = :id",
    "UPDATE tutor_sessions SET start_time = '16:00', end_time = '17:00' WHERE id = :id",
    "UPDATE tutor_sessions SET start_time = '14:00', end_time = '15:00' WHERE id = :id",
    "DELETE FROM tutor_sessions WHERE id = :id",
)
ANEW = """
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, end_time,
                                mode, status, notification_enabled)
    SELECT tutor_id, student_id, subject, session_date, start_time, end_time, mode, status, true
      FROM tutor_sessions WHERE id = :id"""


@pytest.mark.parametrize("seed", range(8))
def test_what_stands_in_a_calendar_is_what_takes_place(
    make_day: MakeDay, conn: Connection, seed: int
) -> None:
    day = make_day(reminder_leads="48h", reminder_recipients="tutor,student")
    for email in TUTORS:
        a_tutor(conn, email=email)
    for email in STUDENTS:
        a_student(conn, email=email)
    a_session(conn, tutor_id=1, student_id=1, notification_enabled=True)
    day.at("13:50", -1)
    for _ in passes_after_changes(day, seed):
        assert shown(day) == takes_place(day)


# Of sixty, those that ended with an entry too many: two had become one session, or of two that were
# cancelled together only one was notified.
@pytest.mark.parametrize("seed", [7, 41, 46])
def test_of_two_sessions_of_one_pair_at_one_start_no_entry_is_left_over(
    make_day: MakeDay, conn: Connection, seed: int
) -> None:
    """A person notified of both gets one message, so one entry may stand for two rows; never more
    entries than rows."""
    day = make_day(reminder_leads="48h", reminder_recipients="tutor,student")
    for email in TUTORS:
        a_tutor(conn, email=email)
    for email in STUDENTS:
        a_student(conn, email=email)
    for _ in range(2):
        a_session(conn, tutor_id=1, student_id=1, notification_enabled=True)
    day.at("13:50", -1)
    for _ in passes_after_changes(day, seed):
        assert too_few_or_many(day) == []


def too_few_or_many(day: LessonDay) -> list[tuple[str, datetime, int]]:
    """Persons and starts with more entries than rows, or fewer than pairs with a row there."""
    entries = {who: Counter(starts) for who, starts in shown(day).items()}
    rows = {who: Counter(starts) for who, starts in takes_place(day).items()}
    pairs = {who: Counter(starts) for who, starts in takes_place(day, PAIRS).items()}
    return [
        (who, start, entries[who][start])
        for who in entries
        for start in entries[who] | rows[who]
        if not pairs[who][start] <= entries[who][start] <= rows[who][start]
    ]


def change(day: LessonDay, chance: random.Random) -> None:
    ids = [row.id for row in day.read("SELECT id FROM tutor_sessions ORDER BY id")]
    if not ids:
        a_session(day.conn, tutor_id=1, student_id=1, notification_enabled=True)
        return
    id_ = chance.choice(ids)
    if chance.random() < 0.2:
        day.write(ANEW, id=id_)
        day.write(CHANGES[-1], id=id_)
        return
    day.write(chance.choice(CHANGES), id=id_)


def pass_at(day: LessonDay, now: datetime) -> None:
    day.at(f"{now:%H:%M}", (now.date() - wall("00:00").date()).days)


Standing = dict[str, list[datetime]]


def shown(day: LessonDay) -> Standing:
    """Person → the starts that stand in their calendar."""
    return {
        person: sorted(
            start
            for status, start in calendar_of(day.mails_to(person)).values()
            if status == "CONFIRMED"
        )
        for person in (*TUTORS, *STUDENTS)
    }


ROWS = text("""
    SELECT tutor_id, student_id, start_time FROM tutor_sessions
     WHERE status = 'scheduled' ORDER BY start_time""")
PAIRS = text("""
    SELECT DISTINCT tutor_id, student_id, start_time FROM tutor_sessions
     WHERE status = 'scheduled' ORDER BY start_time""")


def takes_place(day: LessonDay, which: TextClause = ROWS) -> Standing:
    rows = day.conn.execute(which).all()
    day.conn.commit()
    starts = [(row, wall(f"{row.start_time:%H:%M}")) for row in rows]
    return {
        **{who: [at for row, at in starts if row.tutor_id == n] for n, who in enumerate(TUTORS, 1)},
        **{
            who: [at for row, at in starts if row.student_id == n]
            for n, who in enumerate(STUDENTS, 1)
        },
    }


def passes_after_changes(day: LessonDay, seed: int) -> Iterator[None]:
    """Eight times a change of the site's or two, then a pass; it yields after each pass."""
    chance = random.Random(seed)
    now = wall("14:30", -1)
    for _ in range(8):
        for _ in range(chance.choice((1, 1, 2))):
            change(day, chance)
        now += timedelta(minutes=30)
        pass_at(day, now)
        yield
