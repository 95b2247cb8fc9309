"""Reading of tutor_sessions.tutor_id and student_id as profile ids or user ids, decided by the rows
(design, "Whose id it is").

A reading fits if every value that names anybody under either reading names a tutor (a student)
under it. A value that names nobody under both is ignored.
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
    """Reason for a reading, or for having none."""

    SAID = "said"
    NO_ROWS = "no_rows"
    ONE_FITS = "one_fits"
    SAME_PEOPLE = "same_people"
    FOREIGN_KEY = "foreign_key"
    PAIRS = "pairs"
    BOTH_FIT = "both_fit"
    NEITHER_FITS = "neither_fits"


# Readings with these reasons are decided anew once there are other rows.
WEAK = frozenset({Why.NO_ROWS, Why.SAME_PEOPLE})


@dataclass(frozen=True, slots=True)
class IdColumn:
    """A column of tutor_sessions that names a person. `setting`: the setting that decides which
    table's ids it holds."""

    name: str
    profiles: str
    setting: str
    person: str


TUTOR = IdColumn("tutor_id", "tutor_profiles", "TUTOR_IDS", "tutor")
STUDENT = IdColumn("student_id", "student_profiles", "STUDENT_IDS", "student")


@dataclass(frozen=True, slots=True)
class Values:
    """Numbers of the column's distinct values, by the readings under which they name a person.

    `apart`: values that name different people under the two readings. Samples: the lowest ids.
    """

    only_profile: int
    only_user: int
    both: int
    apart: int
    profile_sample: Sequence[int]
    user_sample: Sequence[int]
    apart_sample: Sequence[int]

    @property
    def fitting(self) -> frozenset[ProfileKey]:
        """The readings that fit."""
        readings = {PROFILE: self.only_user == 0, USER: self.only_profile == 0}
        return frozenset(key for key, fits in readings.items() if fits)


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of a column. `key` is None where the rows do not decide."""

    column: IdColumn
    key: ProfileKey | None
    why: Why
    values: Values


# One pass over tutor_sessions and all profiles. Runs at setup and once a day.
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
    """Count the column's values by the readings under which they name a person."""
    row = conn.execute(text(_values(column))).one()
    return Values(*row[:4], *((sample or ()) for sample in row[4:]))


Said = Mapping[IdColumn, ProfileKey | None]


def read_ids(conn: Connection, catalog: SiteCatalog, said: Said) -> tuple[Reading, Reading]:
    """The readings of tutor_id and student_id, in this order. `said`: the admin's settings."""
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
    """The reading by the setting, the column's own values, or its foreign key."""
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


# Conditions under which an enrolment `e` names the pair's tutor or student, by reading.
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
    """Decide by the pairs in tutor_students: a reading holds if some pairs are enrolled only under
    it, and none only under the other."""
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


# One pass over tutor_sessions and tutor_students. Runs only where both readings fit.
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
    Why.ONE_FITS: "every value names a {person} by them, and not by the other ids",
    Why.SAME_PEOPLE: "both readings name the same people",
    Why.FOREIGN_KEY: "both readings fit, and a foreign key points at {profiles}",
    Why.PAIRS: "both readings fit, and only by this one the pairs are enrolled in tutor_students",
}


def in_words(column: IdColumn, key: ProfileKey, why: Why) -> str:
    """One line: 'tutor_sessions.tutor_id holds ids of tutor_profiles: every value names …'"""
    holds = column.profiles if key is PROFILE else "users"
    reason = REASONS[why].format(
        setting=column.setting, person=column.person, profiles=column.profiles
    )
    return f"tutor_sessions.{column.name} holds ids of {holds}: {reason}"


def question(reading: Reading) -> str:
    """One line that asks an admin for the setting, with the values that leave it open."""
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
    """One line for an admin where the rows contradict the reading in use, or None."""
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
