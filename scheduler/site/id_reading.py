"""Readings of tutor_sessions.tutor_id and student_id, profile ids or user ids, judged by the rows
(design, "Whose id it is").

A reading fits where every value that names anybody names a tutor (a student) by it; a value that
names nobody either way tells nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from models.taken_ids import ProfileKey
from scheduler.site.series_people import of_student

PROFILE, USER = ProfileKey.PROFILE, ProfileKey.USER


class Why(StrEnum):
    """Why a reading was taken, or none."""

    SAID = "said"
    NO_ROWS = "no_rows"
    ONE_FITS = "one_fits"
    SAME_PEOPLE = "same_people"
    FOREIGN_KEY = "foreign_key"
    PAIRS = "pairs"
    BOTH_FIT = "both_fit"
    NEITHER_FITS = "neither_fits"


# What was taken for these may have to be judged anew once there are other rows.
WEAK = frozenset({Why.NO_ROWS, Why.SAME_PEOPLE})


@dataclass(frozen=True, slots=True)
class IdColumn:
    """A column of tutor_sessions that names a person. `setting` says whose ids it holds."""

    name: str
    profiles: str
    setting: str
    person: str


TUTOR = IdColumn("tutor_id", "tutor_profiles", "TUTOR_IDS", "tutor")
STUDENT = IdColumn("student_id", "student_profiles", "STUDENT_IDS", "student")


@dataclass(frozen=True, slots=True)
class Values:
    """The column's values, counted by whom they name. `apart`: those whose two readings name
    different people. The samples are the lowest few."""

    only_profile: int
    only_user: int
    both: int
    apart: int
    profile_sample: Sequence[int]
    user_sample: Sequence[int]
    apart_sample: Sequence[int]

    @property
    def fitting(self) -> frozenset[ProfileKey]:
        """The readings by which every value that names anybody names somebody."""
        readings = {PROFILE: self.only_user == 0, USER: self.only_profile == 0}
        return frozenset(key for key, fits in readings.items() if fits)


@dataclass(frozen=True, slots=True)
class Reading:
    """`key` is None where the rows tell neither."""

    column: IdColumn
    key: ProfileKey | None
    why: Why
    values: Values


# One pass over tutor_sessions, and the profiles whole: at setup, and once a day.
def _values(column: IdColumn) -> str:
    return f"""
    WITH value AS (
        SELECT DISTINCT {column.name} AS id FROM tutor_sessions WHERE {column.name} IS NOT NULL
    ), owner AS (SELECT DISTINCT user_id FROM {column.profiles}),
    named AS (
        SELECT v.id, p.id IS NOT NULL AS profile, o.user_id IS NOT NULL AS owner,
               p.user_id IS DISTINCT FROM o.user_id AS apart
          FROM value v
          LEFT JOIN {column.profiles} p ON p.id = v.id
          LEFT JOIN owner o ON o.user_id = v.id)
    SELECT count(*) FILTER (WHERE profile AND NOT owner),
           count(*) FILTER (WHERE owner AND NOT profile),
           count(*) FILTER (WHERE profile AND owner),
           count(*) FILTER (WHERE profile AND owner AND apart),
           (array_agg(id ORDER BY id) FILTER (WHERE profile AND NOT owner))[1\\:5],
           (array_agg(id ORDER BY id) FILTER (WHERE owner AND NOT profile))[1\\:5],
           (array_agg(id ORDER BY id) FILTER (WHERE profile AND owner AND apart))[1\\:5]
      FROM named"""


def read_values(conn: Connection, column: IdColumn) -> Values:
    row = conn.execute(text(_values(column))).one()
    return Values(*row[:4], *((sample or ()) for sample in row[4:]))


Said = Mapping[IdColumn, ProfileKey | None]


def read_ids(conn: Connection, catalog: SiteCatalog, said: Said) -> tuple[Reading, Reading]:
    """How tutor_id and student_id are to be read, in this order. `said`: what an admin set."""
    values = {column: read_values(conn, column) for column in (TUTOR, STUDENT)}
    first = {
        column: by_column(catalog, column, each, said[column]) for column, each in values.items()
    }
    candidates = {
        column: values[column].fitting if reading.key is None else frozenset({reading.key})
        for column, reading in first.items()
    }
    tutor, student = (
        by_pairs(conn, catalog, reading, candidates) if reading.why is Why.BOTH_FIT else reading
        for reading in first.values()
    )
    return tutor, student


def by_column(
    catalog: SiteCatalog, column: IdColumn, values: Values, said: ProfileKey | None
) -> Reading:
    """What the column's own values, and its foreign key, tell."""
    key, why = PROFILE, Why.FOREIGN_KEY
    if said is not None:
        key, why = said, Why.SAID
    elif not values.only_profile + values.only_user + values.both:
        why = Why.NO_ROWS
    elif not values.fitting:
        return Reading(column, None, Why.NEITHER_FITS, values)
    elif len(values.fitting) == 1:
        (key,) = values.fitting
        why = Why.ONE_FITS
    elif not values.apart:
        why = Why.SAME_PEOPLE
    elif catalog.references.get(column.name) != column.profiles:
        return Reading(column, None, Why.BOTH_FIT, values)
    return Reading(column, key, why, values)


# By a reading of the one column, and any that fits of the other, a pair is enrolled.
MATCHES = {
    (TUTOR, PROFILE): "e.tutor_id = pair.tutor_id",
    (TUTOR, USER): "tp.user_id = pair.tutor_id",
    (STUDENT, PROFILE): "e.student_profile_id = pair.student_id",
    (STUDENT, USER): "sp.user_id = pair.student_id",
}


def by_pairs(
    conn: Connection,
    catalog: SiteCatalog,
    reading: Reading,
    candidates: Mapping[IdColumn, frozenset[ProfileKey]],
) -> Reading:
    """A reading is told by the pairs in tutor_students where some are enrolled by it alone, and
    none by the other alone."""
    if not catalog.has_enrolments:
        return reading
    column = reading.column
    other = STUDENT if column is TUTOR else TUTOR
    others = " OR ".join(MATCHES[other, key] for key in sorted(candidates[other]))
    row = conn.execute(text(_pairs(catalog, column, others))).one()
    if row.profile and not row.owner:
        return Reading(column, PROFILE, Why.PAIRS, reading.values)
    if row.owner and not row.profile:
        return Reading(column, USER, Why.PAIRS, reading.values)
    return reading


# One pass over tutor_sessions and tutor_students; only where both readings fit.
def _pairs(catalog: SiteCatalog, column: IdColumn, others: str) -> str:
    def enrolled(key: ProfileKey) -> str:
        return f"""EXISTS (
            SELECT FROM tutor_students e
              LEFT JOIN tutor_profiles tp ON tp.id = e.tutor_id
              LEFT JOIN student_profiles sp ON sp.id = e.student_profile_id
             WHERE {MATCHES[column, key]} AND ({others}) AND {of_student(catalog, "e")})"""

    return f"""
    WITH pair AS (SELECT DISTINCT tutor_id, student_id FROM tutor_sessions),
    told AS (SELECT {enrolled(PROFILE)} AS profile, {enrolled(USER)} AS owner FROM pair)
    SELECT count(*) FILTER (WHERE profile AND NOT owner) AS profile,
           count(*) FILTER (WHERE owner AND NOT profile) AS owner
      FROM told"""


REASONS: Mapping[Why, str] = {
    Why.SAID: "{setting} says so",
    Why.NO_ROWS: "no session names anybody yet",
    Why.ONE_FITS: "every value names a {person} by them, and not as the other",
    Why.SAME_PEOPLE: "both readings name the same people",
    Why.FOREIGN_KEY: "both readings fit, and a foreign key points at {profiles}",
    Why.PAIRS: "both readings fit, and by this one the pairs are enrolled in tutor_students",
}


def in_words(column: IdColumn, key: ProfileKey, why: Why) -> str:
    """'tutor_sessions.tutor_id holds ids of tutor_profiles: every value names a tutor by them …'"""
    holds = column.profiles if key is PROFILE else "users"
    reason = REASONS[why].format(
        setting=column.setting, person=column.person, profiles=column.profiles
    )
    return f"tutor_sessions.{column.name} holds ids of {holds}: {reason}"


def question(reading: Reading) -> str:
    """What an admin has to say, and why it cannot be told."""
    column, values = reading.column, reading.values
    if reading.why is Why.NEITHER_FITS:
        found = (
            f"{some(values.profile_sample)} can only be of {column.profiles},"
            f" {some(values.user_sample)} only of users"
        )
    else:
        found = f"{some(values.apart_sample)} would be one {column.person} or another"
    return (
        f"whose ids tutor_sessions.{column.name} holds cannot be told ({found}): set"
        f" {column.setting}=profile or {column.setting}=user"
    )


def contradiction(column: IdColumn, key: ProfileKey, values: Values) -> str | None:
    """What an admin has to look at where the rows no longer fit what was taken, or None."""
    if key in values.fitting:
        return None
    strange, other = (
        (values.user_sample, "users")
        if key is PROFILE
        else (values.profile_sample, column.profiles)
    )
    taken = column.profiles if key is PROFILE else "users"
    return (
        f"tutor_sessions.{column.name} was taken to hold ids of {taken}, and now holds"
        f" {some(strange)}, which can only be of {other}: set {column.setting}=profile or"
        f" {column.setting}=user"
    )


def some(ids: Sequence[int]) -> str:
    return ", ".join(str(each) for each in ids)
