"""Absences of a tutor, a student or everybody: which sessions they cover (design, "Absences")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import xor

from sqlalchemy import Connection, text

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Absence:
    """An absence that stands. The days are inclusive.

    `begins`, `ends`: time since midnight of each day, None for the whole day. `tutor_id` and
    `student_id` are ids as tutor_sessions holds them; both None: everybody. `digest`: changes with
    what it covers.
    """

    id: int
    tutor_id: int | None
    student_id: int | None
    first_day: date
    last_day: date
    begins: timedelta | None
    ends: timedelta | None
    digest: int = 0

    def covers(self, starts: datetime, ends: datetime) -> bool:
        """True where a session from `starts` to `ends` (naive wall times) falls into it.

        A whole day covers what begins on it; hours cover what overlaps them, also from the evening
        before (docs/decisions/0150).
        """
        if self.begins is None and self.ends is None:
            return self.first_day <= starts.date() <= self.last_day
        days = {starts.date(), ends.date()}
        return any(
            self.first_day <= day <= self.last_day and self._overlaps(day, starts, ends)
            for day in days
        )

    def _overlaps(self, day: date, starts: datetime, ends: datetime) -> bool:
        midnight = datetime.combine(day, time.min)
        begins = self.begins or timedelta(0)
        # Compared as lengths: the end of the calendar's last day has no datetime.
        return starts - midnight < (self.ends or DAY) and begins < ends - midnight


@dataclass(frozen=True, slots=True)
class Absences:
    """All absences that stand, by whom they concern."""

    everybody: tuple[Absence, ...] = ()
    of_tutors: Mapping[int, tuple[Absence, ...]] = field(default_factory=dict)
    of_students: Mapping[int, tuple[Absence, ...]] = field(default_factory=dict)

    def of(self, tutor_id: int, student_id: int) -> tuple[Absence, ...]:
        """Those that concern sessions of this tutor and student, in the order of their ids."""
        found = (
            *self.everybody,
            *self.of_tutors.get(tutor_id, ()),
            *self.of_students.get(student_id, ()),
        )
        return tuple(sorted(found, key=lambda one: one.id)) if len(found) > 1 else found

    @property
    def all(self) -> tuple[Absence, ...]:
        groups = (self.everybody, *self.of_tutors.values(), *self.of_students.values())
        return tuple(one for group in groups for one in group)


def digest_of(absences: Sequence[Absence]) -> int:
    """The same number as `ABSENCES_OF` gives in SQL."""
    return reduce(xor, (one.digest for one in absences), 0)


# A few rows for each person and year: the table is scanned.
STANDING = text("""
    SELECT id, tutor_id, student_id, first_day, last_day, from_time - time '00:00' AS begins,
           until_time - time '00:00' AS ends, digest
      FROM session_worker.absence WHERE withdrawn_at IS NULL ORDER BY id""")


def read_absences(conn: Connection) -> Absences:
    """All absences that stand."""
    everybody: list[Absence] = []
    of_tutors: dict[int, tuple[Absence, ...]] = {}
    of_students: dict[int, tuple[Absence, ...]] = {}
    for row in conn.execute(STANDING):
        one = Absence(*row)
        if one.tutor_id is not None:
            of_tutors[one.tutor_id] = (*of_tutors.get(one.tutor_id, ()), one)
        elif one.student_id is not None:
            of_students[one.student_id] = (*of_students.get(one.student_id, ()), one)
        else:
            everybody.append(one)
    return Absences(tuple(everybody), of_tutors, of_students)


def absence_words(number: str) -> str:
    """SQL of 'absence 7, conference' for the id in `number` (SQL); NULL for NULL."""
    return f"""('absence ' || {number} || coalesce(', ' || (
        SELECT nullif(btrim(reason), '') FROM session_worker.absence WHERE id = {number}), ''))"""


# Common table expression: the digests of the absences that stand, by whom they concern.
AWAY = """
    away AS MATERIALIZED (
        SELECT tutor_id, student_id, bit_xor(digest) AS digest
          FROM session_worker.absence WHERE withdrawn_at IS NULL GROUP BY 1, 2)"""
# Joins from a series `s` to its groups of AWAY, and the digest of them all.
JOIN_AWAY = """
      LEFT JOIN away tutors ON tutors.tutor_id = s.tutor_id
      LEFT JOIN away students ON students.student_id = s.student_id
      LEFT JOIN away everybody ON everybody.tutor_id IS NULL AND everybody.student_id IS NULL"""
ABSENCES_OF = """(coalesce(tutors.digest, 0) # coalesce(students.digest, 0)
                  # coalesce(everybody.digest, 0))"""


def concerns(absence: str, session: str) -> str:
    """SQL condition: the absence concerns the session's people. Both are aliases."""
    return f"""({absence}.tutor_id IS NULL AND {absence}.student_id IS NULL
                OR {session}.tutor_id = {absence}.tutor_id
                OR {session}.student_id = {absence}.student_id)"""


def covers(absence: str, day: str, starts: str, ends: str) -> str:
    """SQL condition: the absence (an alias) covers a session of `day` from `starts` to `ends`.

    The same as `Absence.covers`; a test compares them.
    """
    one = absence
    return f"""({day} BETWEEN {one}.first_day - 1 AND {one}.last_day
        AND CASE WHEN {one}.from_time IS NULL AND {one}.until_time IS NULL
            THEN {day} >= {one}.first_day
            ELSE EXISTS (
                SELECT FROM (VALUES ({day}), ({day} + 1)) AS touched(day)
                 WHERE touched.day BETWEEN {one}.first_day AND {one}.last_day
                   AND {starts} < touched.day + coalesce({one}.until_time, time '24:00')
                   AND touched.day + coalesce({one}.from_time, time '00:00') < {ends}) END)"""
