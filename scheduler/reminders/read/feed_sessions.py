"""The sessions in a person's calendar feed: a year back, and as far ahead as rules are filled.

A tutor's and a student's own, a parent's children's. They are read as if each had a message of its
own, so that names, times and calendar entries are those of the mails.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from models.taken_ids import ProfileKey
from scheduler.reminders.read.claimed import Facts, read_facts
from scheduler.reminders.read.still_true import STARTS_AT, STATUS
from scheduler.settings import Settings
from scheduler.site.recipients import BRANCHES, parent_joins
from scheduler.site.series_people import people_joins

YEAR = timedelta(days=366)
# No calendar program shows more, and one statement reads them all.
SESSIONS_AT_MOST = 5000


def feed_facts(
    conn: Connection, catalog: SiteCatalog, settings: Settings, person_id: int, now: datetime
) -> list[Facts]:
    """Facts of the person's sessions, each once; `lesson.change` tells that one is cancelled."""
    holder = uuid4()
    parameters = {**_span(settings, now), "person": person_id, "holder": holder}
    ids = range(-SESSIONS_AT_MOST, 0)
    ledger = _imagine(catalog)
    return read_facts(conn, catalog, settings, ids, holder, now, ledger, parameters)


def feed_fingerprints(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> Mapping[int, str]:
    """Of each person with an open token: a value that changes whenever a session of their feed, one
    of its people or their preferences change. One statement for all feeds."""
    return _fingerprints(conn, catalog, settings, now, None)


def feed_fingerprint(
    conn: Connection, catalog: SiteCatalog, settings: Settings, person_id: int, now: datetime
) -> str:
    """The same of one person."""
    return _fingerprints(conn, catalog, settings, now, person_id).get(person_id, "")


def _fingerprints(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    person_id: int | None,
) -> Mapping[int, str]:
    parameters = {**_span(settings, now), "person": person_id}
    rows = conn.execute(text(_fingerprints_sql(catalog)), parameters)
    return {row.person_id: row.print for row in rows}


def _span(settings: Settings, now: datetime) -> dict[str, date]:
    today = now.astimezone(settings.zone).date()
    return {"first": today - YEAR, "last": today + timedelta(days=settings.expand_days)}


# Indexes: the site's on tutor_id and student_id where few have a feed, else one scan of the span;
# primary keys. A sum needs no order of the rows.
def _fingerprints_sql(catalog: SiteCatalog) -> str:
    tutors = _holders_keys("tutor_profiles", catalog.tutor_key)
    students = _holders_keys("student_profiles", catalog.student_key)
    if (parents := _holders_children(catalog)) is not None:
        students += f" UNION {parents}"
    return f"""
    WITH holder AS MATERIALIZED (
        SELECT DISTINCT person_id FROM session_worker.feed_token
         WHERE revoked_at IS NULL AND (CAST(:person AS bigint) IS NULL OR person_id = :person)
    ), tutor AS MATERIALIZED ({tutors}), student AS MATERIALIZED ({students}), theirs AS (
        SELECT k.person_id, s.id, s.xmin AS version, s.tutor_id, s.student_id
          FROM tutor k JOIN tutor_sessions s ON s.tutor_id = k.key
         WHERE s.session_date BETWEEN :first AND :last
         UNION ALL
        SELECT k.person_id, s.id, s.xmin, s.tutor_id, s.student_id
          FROM student k JOIN tutor_sessions s ON s.student_id = k.key
         WHERE s.session_date BETWEEN :first AND :last
    ), rows AS (
        SELECT r.person_id, count(*) AS count,
               sum(hashtextextended(concat_ws(':', r.id, r.version, tu.xmin, su.xmin), 0)) AS sum
          FROM theirs r {people_joins(catalog, "r")}
         GROUP BY r.person_id)
    SELECT h.person_id, md5(concat_ws(':', r.count, r.sum, (
               SELECT string_agg(p.xmin::text, ',' ORDER BY p.kind)
                 FROM session_worker.preference p WHERE p.person_id = h.person_id))) AS print
      FROM holder h LEFT JOIN rows r USING (person_id)"""


def _holders_keys(table: str, points_at: ProfileKey) -> str:
    if points_at is ProfileKey.PROFILE:
        return f"""SELECT h.person_id, p.id AS key
                     FROM holder h JOIN {table} p ON p.user_id = h.person_id"""
    return "SELECT h.person_id, h.person_id AS key FROM holder h"


def _holders_children(catalog: SiteCatalog) -> str | None:
    joins = parent_joins(catalog)
    if not joins or not catalog.has("parent_profiles", "user_id"):
        return None
    column = "id" if catalog.student_key is ProfileKey.PROFILE else "user_id"
    return f"""SELECT h.person_id, sp.{column} FROM student_profiles sp {joins}
                 JOIN holder h ON h.person_id = pu.id"""


def _theirs(catalog: SiteCatalog) -> str:
    """SQL condition: the session `s` is one of the feed of `:person`."""
    tutors = _keys("tutor_profiles", catalog.tutor_key)
    students = _keys("student_profiles", catalog.student_key)
    joins = parent_joins(catalog)
    if joins and catalog.has("parent_profiles", "user_id"):
        column = "id" if catalog.student_key is ProfileKey.PROFILE else "user_id"
        students += f"""
            UNION SELECT sp.{column} FROM student_profiles sp {joins} WHERE pu.id = :person"""
    return f"""s.session_date BETWEEN :first AND :last
       AND (s.tutor_id = ANY(ARRAY({tutors})) OR s.student_id = ANY(ARRAY({students})))"""


def _keys(table: str, points_at: ProfileKey) -> str:
    if points_at is ProfileKey.PROFILE:
        return f"SELECT id FROM {table} WHERE user_id = :person"
    return "SELECT CAST(:person AS integer)"


# As a message's ledger rows that do not exist: see read.preview.
def _imagine(catalog: SiteCatalog) -> str:
    people = " UNION ALL ".join(made for each in BRANCHES.values() if (made := each(catalog)))
    return f"""(
    WITH due AS MATERIALIZED (
        SELECT s.id AS session_id, s.tutor_id, s.student_id, {STARTS_AT} AS starts_at,
               {STATUS} = 'cancelled' AS is_off
          FROM tutor_sessions s WHERE s.start_time IS NOT NULL AND {_theirs(catalog)}
    ), mine AS (
        SELECT DISTINCT ON (session_id) p.* FROM ({people}) p
         WHERE p.person_id = :person ORDER BY session_id, place
    )
    SELECT -row_number() OVER (ORDER BY starts_at, session_id) AS id, session_id, tutor_id,
           student_id, starts_at, 0 AS urgency, 0 AS lead_minutes, recipient, person_id, role,
           NULL::uuid AS message_key, NULL::timestamptz AS message_at, 0 AS attempts,
           NULL::timestamptz AS tries_since, NULL::bigint AS batch, 'claimed' AS state,
           CAST(:holder AS uuid) AS holder, 'reminder' AS kind,
           CASE WHEN is_off THEN jsonb_build_object(
               'kind', 'cancelled', 'old_starts_at', starts_at) END AS change
      FROM mine)"""
