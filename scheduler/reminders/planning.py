"""Live sessions → ledger rows: one set-based statement, whatever the span.

The tick and the sweep differ in the windows alone (`spans`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.expansion.people import people_joins
from scheduler.reminders.spans import LONGEST_ALARM, Window, walls
from scheduler.reminders.truth import LIVE, PAUSED, STARTS_AT, alarm_minutes
from scheduler.settings import Settings


@dataclass(frozen=True, slots=True)
class Made:
    """Ledger rows that a pass made, by the state they were made in."""

    planned: frozenset[int]
    obsolete: frozenset[int]
    expired: frozenset[int]


def plan(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    windows: Sequence[Window],
    silent_until: datetime | None = None,
) -> Made:
    """Make the ledger rows that lack for live sessions whose start lies in a window.

    A row is made as `planned`; `expired` if the session has begun; `obsolete` if its series is
    paused, if a nearer lead is due as well, or if it was due by `silent_until` (the first tick).
    Keys that are there are left alone, and take no sequence values.
    """
    if not windows:
        return Made(frozenset(), frozenset(), frozenset())
    rows = conn.execute(
        text(_plan(catalog)),
        {
            **_windows(windows, settings),
            "zone": settings.site_timezone,
            "now": now,
            "horizon": now + settings.plan_ahead,
            "silent_until": silent_until,
            "reminder_roles": [*settings.reminder_recipients],
            "alarm_roles": [*settings.alarm_recipients],
        },
    ).all()
    by_state = {
        state: frozenset(row.id for row in rows if row.state == state)
        for state in ("planned", "obsolete", "expired")
    }
    return Made(**by_state)


def _windows(windows: Sequence[Window], settings: Settings) -> dict[str, object]:
    spans = [walls(window, settings.zone) for window in windows]
    return {
        "kinds": [window.lead.kind for window in windows],
        "befores": [window.lead.before for window in windows],
        "minutes": [window.lead.minutes for window in windows],
        "afters": [window.after for window in windows],
        "untils": [window.until for window in windows],
        "first_walls": [span.first for span in spans],
        "last_walls": [span.last for span in spans],
        "days": _days(day for span in spans for day in span.days),
        "earliest": min(window.after for window in windows),
        "latest": max(window.until for window in windows),
    }


def _days(days: Iterable[date]) -> list[date]:
    return sorted(set(days))


# Indexes: (session_date, start_time) of tutor_sessions where the site has one, for each window;
# the primary keys of the people; delivery_once for each row found, whatever the ledger's size.
# `days` lets a site without that index be read once, not once a window.
# The anti-join comes before ON CONFLICT, so that known keys take no sequence values; the latter is
# for two passes at once.
def _plan(catalog: SiteCatalog) -> str:
    return f"""
    WITH span AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:kinds AS text[]), CAST(:befores AS interval[]), CAST(:minutes AS integer[]),
            CAST(:afters AS timestamptz[]), CAST(:untils AS timestamptz[]),
            CAST(:first_walls AS timestamp[]), CAST(:last_walls AS timestamp[]))
          AS w(kind, before, minutes, after, until, first_wall, last_wall)
    ), due AS (
        SELECT s.id AS session_id, s.tutor_id, s.student_id, i.starts_at, {PAUSED} AS paused,
               w.kind, w.minutes AS lead_minutes, i.starts_at - w.before AS due_at
          FROM span w
          JOIN tutor_sessions s
            ON (s.session_date, s.start_time) >= (w.first_wall::date, w.first_wall::time)
           AND (s.session_date, s.start_time) <= (w.last_wall::date, w.last_wall::time)
         CROSS JOIN LATERAL (SELECT {STARTS_AT} AS starts_at) i
         WHERE s.session_date = ANY(CAST(:days AS date[]))
           AND i.starts_at > w.after AND i.starts_at <= w.until
           AND CASE w.kind
               WHEN 'reminder' THEN s.notification_enabled
               ELSE s.alarm_enabled AND w.minutes = {alarm_minutes(catalog)} END
           AND {LIVE}
    ), told AS ({_people(catalog)}
    ), wished AS (
        SELECT told.*, CASE told.kind WHEN 'reminder' THEN coalesce(session_worker.outside_quiet(
                   due_at, starts_at,
                   coalesce(k.quiet_from, a.quiet_from), coalesce(k.quiet_until, a.quiet_until),
                   CASE WHEN coalesce(k.quiet_from, a.quiet_from) IS NOT NULL
                       THEN session_worker.known_zone(coalesce(k.zone, a.zone), :zone) END
               ), due_at) ELSE due_at END AS send_after
          FROM told
          LEFT JOIN session_worker.preference a ON a.person_id = told.person_id AND a.kind = '*'
          LEFT JOIN session_worker.preference k
                 ON k.person_id = told.person_id AND k.kind = told.kind
    ), candidate AS (
        SELECT DISTINCT ON (tutor_id, student_id, starts_at, kind, lead_minutes, recipient) *
          FROM wished
         WHERE due_at <= :horizon OR send_after <= :horizon
         ORDER BY tutor_id, student_id, starts_at, kind, lead_minutes, recipient,
                  paused, place, session_id
    ), ranked AS (
        SELECT *, count(*) FILTER (WHERE due_at <= :now AND NOT paused) OVER (
                   PARTITION BY tutor_id, student_id, starts_at, kind, recipient
                   ORDER BY lead_minutes ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) > 0 AND due_at <= :now AS replaced
          FROM candidate
    ), fresh AS (
        SELECT c.*, CASE
               WHEN paused THEN 'series_paused'
               WHEN session_worker.begun(kind, lead_minutes, starts_at, :now) THEN 'begun'
               WHEN due_at <= CAST(:silent_until AS timestamptz) THEN 'before_first_tick'
               WHEN replaced THEN 'nearer_lead' END AS reason
          FROM ranked c
         WHERE NOT EXISTS (
             SELECT FROM session_worker.delivery d
              WHERE d.tutor_id = c.tutor_id AND d.student_id = c.student_id
                AND d.starts_at = c.starts_at AND d.kind = c.kind
                AND d.lead_minutes = c.lead_minutes AND d.recipient = c.recipient
                AND d.revision = 0 AND d.starts_at > :earliest AND d.starts_at <= :latest)
    )
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
        role, state, reason, due_at, send_after)
    SELECT session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
           role,
           CASE reason WHEN 'begun' THEN 'expired' ELSE
               CASE WHEN reason IS NULL THEN 'planned' ELSE 'obsolete' END END,
           reason, due_at, send_after
      FROM fresh
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id, state"""


def _people(catalog: SiteCatalog) -> str:
    """The sessions that are due, once for each person and role; `place` ranks the roles."""
    people = f"""
        SELECT due.*, p.role, p.place, p.person_id,
               coalesce('user:' || p.person_id, p.role || ':' || p.profile_id) AS recipient
          FROM due {people_joins(catalog, "due")}
         CROSS JOIN LATERAL (VALUES
             ('tutor', 1, tu.id, due.tutor_id), ('student', 2, su.id, due.student_id)
         ) AS p(role, place, person_id, profile_id)
         WHERE {_wanted("p.role")}"""
    if not catalog.has("student_profiles", "parent_id"):
        return people
    return f"{people} UNION ALL {_parents(catalog)}"


def _parents(catalog: SiteCatalog) -> str:
    known = catalog.has("parent_profiles", "user_id")
    users = "LEFT JOIN parent_profiles pp ON pp.id = c.id LEFT JOIN users pu ON pu.id = pp.user_id"
    person = "pu.id" if known else "NULL::integer"
    return f"""
        SELECT due.*, 'parent', 3, {person},
               coalesce('user:' || {person}, 'parent:' || c.id)
          FROM due {people_joins(catalog, "due")}
         CROSS JOIN LATERAL unnest(sp.parent_id) AS c(id) {users if known else ""}
         WHERE {_wanted("'parent'")} AND c.id IS NOT NULL"""


def _wanted(role: str) -> str:
    return f"""{role} = ANY(CASE due.kind WHEN 'reminder' THEN CAST(:reminder_roles AS text[])
                    ELSE CAST(:alarm_roles AS text[]) END)"""


# Index: (session_date, start_time) of tutor_sessions where there is one. Only the coming week.
def _alarm_minutes_in_use(catalog: SiteCatalog) -> str:
    return f"""
    SELECT DISTINCT {alarm_minutes(catalog)} FROM tutor_sessions s
     WHERE s.alarm_enabled AND s.session_date BETWEEN :first_day AND :last_day
     ORDER BY 1"""


def alarm_minutes_in_use(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> list[int]:
    """The leads that coming alarms ask for, in minutes, ascending."""
    today = now.astimezone(settings.zone).date()
    days = LONGEST_ALARM + timedelta(days=2)
    return [
        *conn.scalars(
            text(_alarm_minutes_in_use(catalog)),
            {"first_day": today - timedelta(days=1), "last_day": today + days},
        )
    ]
