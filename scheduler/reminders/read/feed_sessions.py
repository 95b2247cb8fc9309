"""The sessions in a person's calendar feed: a year back, and as far ahead as rules are filled.

A tutor's and a student's own, a parent's children's. They are read as if each had a message of its
own, so that names, times and calendar entries are those of the mails.
"""

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


def feed_fingerprint(
    conn: Connection, catalog: SiteCatalog, settings: Settings, person_id: int, now: datetime
) -> str:
    """Changes whenever a session of the person's feed, or one of its people, changes."""
    parameters = {**_span(settings, now), "person": person_id}
    return str(conn.scalar(text(_fingerprint(catalog)), parameters))


def _span(settings: Settings, now: datetime) -> dict[str, date]:
    today = now.astimezone(settings.zone).date()
    return {"first": today - YEAR, "last": today + timedelta(days=settings.expand_days)}


# Indexes: the site's on tutor_id and student_id, else (session_date, start_time) of tutor_sessions;
# primary keys.
def _fingerprint(catalog: SiteCatalog) -> str:
    return f"""
    SELECT md5(coalesce(string_agg(concat_ws(':', s.id, s.xmin, tu.xmin, su.xmin), ','
                                   ORDER BY s.id), ''))
      FROM tutor_sessions s {people_joins(catalog, "s")}
     WHERE {_theirs(catalog)}"""


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
