"""Daily agenda of tutors (AGENDA_AT): one ledger row for each tutor and day, in the tutor's zone.

The row's `starts_at` is the midnight that ends the day and its student is 0, so its key does not
change with the day's sessions (docs/decisions/0025). The sessions are read when it is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.message import Kind
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.read.claimed import Facts, read_facts
from scheduler.reminders.read.still_true import LIVE, PAUSED, STARTS_AT
from scheduler.settings import Role, Settings
from scheduler.site.recipients import BRANCHES

# Allows for missed passes. An agenda due longer ago is not made: a tutor whose first session of the
# day is entered at noon gets no agenda for that day.
SLACK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class AgendaDay:
    """A local day whose agenda is due; it begins and ends at midnight in `zone`."""

    zone: str
    due_at: datetime
    begins_at: datetime
    ends_at: datetime


@logged
def plan_agendas(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime, after: datetime
) -> frozenset[int]:
    """Plan agendas due after `after` and by now + PLAN_AHEAD, for days with sessions to come.
    Returns the ids of the new rows."""
    days = due_days(conn, settings, now, after) if settings.agenda_at else []
    if not days:
        return frozenset()
    parameters = {
        "zone": settings.site_timezone,
        "now": now,
        "zones": [day.zone for day in days],
        "dues": [day.due_at for day in days],
        "begins": [day.begins_at for day in days],
        "ends": [day.ends_at for day in days],
        "first_day": min(day.begins_at for day in days).astimezone(settings.zone).date(),
        "last_day": max(day.ends_at for day in days).astimezone(settings.zone).date(),
    }
    return frozenset(conn.scalars(text(_plan_agendas(catalog)), parameters))


# A handful of zones: the site's, and those of people's preferences.
DUE_DAYS = text("""
    SELECT zone, due_at, begins_at, ends_at
      FROM (SELECT DISTINCT session_worker.known_zone(zone, :zone) AS zone
              FROM (SELECT CAST(:zone AS text) AS zone
                     UNION SELECT zone FROM session_worker.preference) wished) zones,
           LATERAL (SELECT (:now AT TIME ZONE zone)::date + number AS day
                      FROM generate_series(-1, 1) AS number) days,
           LATERAL (SELECT
               session_worker.instant(day + CAST(:at AS time), zone) AS due_at,
               session_worker.instant(day\\:\\:timestamp, zone) AS begins_at,
               session_worker.instant((day + 1)\\:\\:timestamp, zone) AS ends_at) times
     WHERE due_at > :after AND due_at <= :horizon AND ends_at > :now""")


def due_days(
    conn: Connection, settings: Settings, now: datetime, after: datetime
) -> Sequence[AgendaDay]:
    """Days, one for each zone, whose agenda is due by the horizon and not before `after`.

    The first tick of an installation passes its `now` as `after`, so that nothing is sent that was
    due before it.
    """
    parameters = {
        "zone": settings.site_timezone,
        "at": settings.agenda_at,
        "now": now,
        "after": min(after, now - SLACK) if after < now else after,
        "horizon": now + settings.plan_ahead,
    }
    return [AgendaDay(*row) for row in conn.execute(DUE_DAYS, parameters)]


# Indexes: (session_date, start_time) of tutor_sessions where the site has one; the primary keys of
# the people and of preference; delivery_once. Runs only in the minutes after AGENDA_AT.
def _plan_agendas(catalog: SiteCatalog) -> str:
    return f"""
    WITH day AS (
        SELECT * FROM unnest(
            CAST(:zones AS text[]), CAST(:dues AS timestamptz[]),
            CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])
        ) AS day(zone, due_at, begins_at, ends_at)
    ), due AS MATERIALIZED (
        SELECT s.id AS session_id, s.tutor_id, {STARTS_AT} AS session_starts_at
          FROM tutor_sessions s
         WHERE s.session_date BETWEEN :first_day AND :last_day AND {LIVE} AND NOT {PAUSED}
    ), told AS ({BRANCHES[Role.TUTOR](catalog)}
    ), agenda AS (
        SELECT DISTINCT ON (t.tutor_id, t.recipient, day.ends_at)
               t.session_id, t.tutor_id, t.recipient, t.person_id, t.role, day.due_at, day.ends_at
          FROM told t
          LEFT JOIN session_worker.preference a ON a.person_id = t.person_id AND a.kind = '*'
          LEFT JOIN session_worker.preference k ON k.person_id = t.person_id AND k.kind = 'agenda'
          JOIN day
            ON day.zone = session_worker.known_zone(
                   k.zone, session_worker.known_zone(a.zone, :zone))
           AND t.session_starts_at >= day.begins_at AND t.session_starts_at < day.ends_at
           AND t.session_starts_at > greatest(day.due_at, :now)
         ORDER BY t.tutor_id, t.recipient, day.ends_at, t.session_starts_at, t.session_id
    )
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
        role, due_at, send_after)
    SELECT session_id, tutor_id, 0, ends_at, 'agenda', 0, recipient, person_id, role, due_at, due_at
      FROM agenda g
     WHERE NOT EXISTS (
         SELECT FROM session_worker.delivery d
          WHERE d.tutor_id = g.tutor_id AND d.student_id = 0 AND d.starts_at = g.ends_at
            AND d.kind = 'agenda' AND d.lead_minutes = 0 AND d.recipient = g.recipient)
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id"""


# One row for each agenda and live session of its day. Indexes: the primary key, and the site's
# index on tutor_id or session_date of tutor_sessions, if there is one.
DAYS = f"""(
    SELECT a.id, s.id AS session_id, s.tutor_id, s.student_id, {STARTS_AT} AS starts_at, a.kind,
           a.urgency, a.lead_minutes, a.recipient, a.person_id, a.role, a.change, a.message_key,
           a.message_at, a.attempts, a.tries_since, a.batch, a.state, a.holder
      FROM session_worker.delivery a
      JOIN tutor_sessions s
        ON s.tutor_id = a.tutor_id
       AND s.session_date BETWEEN (a.starts_at AT TIME ZONE :zone)::date - 2
                              AND (a.starts_at AT TIME ZONE :zone)::date
       AND {STARTS_AT} >= a.starts_at - interval '25 hours' AND {STARTS_AT} < a.starts_at
     WHERE a.id = ANY(CAST(:ids AS bigint[])) AND a.kind = 'agenda' AND {LIVE})"""


def with_days(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    facts: Sequence[Facts],
    holder: UUID,
    now: datetime,
) -> Sequence[Facts]:
    """`facts`, with the coming sessions of their day added to those that are agendas."""
    ids = [each.id for each in facts if each.kind is Kind.AGENDA]
    if not ids:
        return facts
    sessions: dict[int, list[Facts]] = {id_: [] for id_ in ids}
    for row in read_facts(conn, catalog, settings, ids, holder, now, DAYS):
        if row.untrue is None:
            sessions[row.id].append(row)
    return [
        of_day(each, sessions[each.id], now) if each.kind is Kind.AGENDA else each
        for each in facts
    ]  # fmt: skip


def of_day(agenda: Facts, sessions: Sequence[Facts], now: datetime) -> Facts:
    """The agenda with its day's sessions after `now`; without any, it is marked as too late."""
    if not sessions:
        return replace(agenda, untrue="empty_day")
    coming = tuple(each.lesson for each in sessions if each.starts_at > now)
    last = sessions[-1].starts_at
    return replace(agenda, untrue=None, starts_at=last, too_late_at=last, day=coming)
