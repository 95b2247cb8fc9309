"""Plan of reminders and alarms for live sessions, in one set-based statement for any span.

The tick and the sweep differ only in the windows that they pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, text

from models.catalog import SiteCatalog
from scheduler.message import LONGEST_ALARM
from scheduler.prepared import Prepared
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.plan.windows import Slot, Window, slots
from scheduler.reminders.read.last_told import LAST, MAY_KNOW
from scheduler.reminders.read.still_true import LIVE, PAUSED, STARTS_AT, alarm_minutes
from scheduler.settings import Settings
from scheduler.site.recipients import people


@dataclass(frozen=True, slots=True)
class Made:
    """Ids of the ledger rows that a pass made, by the state in which they were made."""

    planned: frozenset[int]
    obsolete: frozenset[int]
    expired: frozenset[int]

    @property
    def ids(self) -> frozenset[int]:
        return self.planned | self.obsolete | self.expired


NOTHING = Made(frozenset(), frozenset(), frozenset())


@logged
def plan(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    windows: Sequence[Window],
    silent_until: datetime | None = None,
) -> Made:
    """Create missing ledger rows for live sessions whose start lies in a window.

    A row is made as `planned`; as `expired` if the session has begun; as `obsolete` if its series
    is paused, or if it was due by `silent_until` (the first tick). Existing keys are left alone and
    take no sequence values.
    """
    if not windows:
        return NOTHING
    read = slots(windows, settings.zone)
    parameters = _parameters(settings, now, windows, read, silent_until)
    return _made(conn.execute(text(_plan(catalog, settings, read)), parameters).all())


# A kept plan is made again after this time: the site's table may have grown, and PostgreSQL itself
# makes it again only when new statistics come.
PLAN_KEPT = timedelta(minutes=1)
PLANNED_AT = "session_worker_planned_at"


@logged
def plan_newly_due(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    windows: Sequence[Window],
) -> Made:
    """As `plan`, for the few seconds that a tick plans.

    PostgreSQL keeps the statement's plan on the connection, as to make it takes ten times as long
    as to find that nothing is due.
    """
    if not windows:
        return NOTHING
    read = slots(windows, settings.zone)
    statement = _prepared(_plan(catalog, settings, read), len(read))
    planned_at = conn.connection.info.setdefault(PLANNED_AT, {})
    if not now - PLAN_KEPT < planned_at.setdefault(statement.name, now) <= now:
        statement.plan_anew(conn)
        planned_at[statement.name] = now
    return _made(statement.run_generic(conn, _parameters(settings, now, windows, read, None)))


@lru_cache(16)
def _prepared(sql: str, slots: int) -> Prepared:
    """The statement under a name of its own; it differs by the site's columns, the settings and the
    number of slots."""
    of_slots = {
        f"{field.name}_{number}": SLOT_TYPES[field.name]
        for number in range(slots)
        for field in fields(Slot)
    }
    name = f"plan_{sha256(sql.encode()).hexdigest()[:16]}"
    return Prepared(name, PLAN_TYPES | of_slots, sql)


SLOT_TYPES = {"first_day": "date", "last_day": "date", "first_time": "text", "last_time": "text"}
PLAN_TYPES = {
    "kinds": "text[]", "befores": "interval[]", "minutes": "integer[]",
    "afters": "timestamptz[]", "untils": "timestamptz[]", "first_day": "date", "last_day": "date",
    "zone": "text", "now": "timestamptz", "horizon": "timestamptz", "silent_until": "timestamptz",
}  # fmt: skip


def _made(rows: Sequence[Row[Any]]) -> Made:
    by_state = {
        state: frozenset(row.id for row in rows if row.state == state)
        for state in ("planned", "obsolete", "expired")
    }
    return Made(**by_state)


def _parameters(
    settings: Settings,
    now: datetime,
    windows: Sequence[Window],
    read: Sequence[Slot],
    silent_until: datetime | None,
) -> dict[str, object]:
    return {
        **_spans(windows),
        **_slots(read),
        "zone": settings.site_timezone,
        "now": now,
        "horizon": now + settings.plan_ahead,
        "silent_until": silent_until,
    }


def _spans(windows: Sequence[Window]) -> dict[str, object]:
    return {
        "kinds": [window.lead.kind for window in windows],
        "befores": [window.lead.before for window in windows],
        "minutes": [window.lead.minutes for window in windows],
        "afters": [window.after for window in windows],
        "untils": [window.until for window in windows],
    }


def _slots(slots: Sequence[Slot]) -> dict[str, object]:
    each = {
        f"{field.name}_{number}": getattr(slot, field.name)
        for number, slot in enumerate(slots)
        for field in fields(slot)
    }
    return {**each, "first_day": slots[0].first_day, "last_day": slots[-1].last_day}


def _within(slots: Sequence[Slot]) -> str:
    return " OR ".join(
        f"""s.session_date BETWEEN :first_day_{number} AND :last_day_{number}
           AND s.start_time BETWEEN CAST(:first_time_{number} AS time)
               AND CAST(:last_time_{number} AS time)"""
        for number in range(len(slots))
    )


# True for a message that may have reached its person, or that was dropped for a notice, if a newer
# message about the same session has replaced it.
IS_OVER = f"""(CASE
    WHEN {MAY_KNOW.format("d")} THEN NOT ({LAST.format("d")})
    WHEN d.state = 'obsolete' AND d.reason = 'told_by_notice' THEN NOT EXISTS (
        SELECT FROM session_worker.delivery n
         WHERE n.session_id = d.session_id AND n.recipient = d.recipient AND n.kind = 'notice'
           AND n.starts_at = d.starts_at AND n.tutor_id = d.tutor_id
           AND n.student_id = d.student_id AND n.change->>'kind' <> 'cancelled'
           AND (n.state <> 'obsolete' OR {MAY_KNOW.format("n")}) AND {LAST.format("n")})
    ELSE false END)"""


# Indexes: (session_date, start_time) of tutor_sessions where the site has one, once for each slot;
# without it the table is scanned once. The primary keys of the people. delivery_once for each row
# found, at any size of the ledger.
# LIMIT forces that lookup: without statistics, in the ledger's first minute, the planner would
# compare every row with every other.
# A person is reminded again if the earlier message was about another session that is no longer
# theirs, and they were told of that too.
# The anti-join comes before ON CONFLICT, so that known keys take no sequence values; ON CONFLICT is
# for concurrent passes.
def _plan(catalog: SiteCatalog, settings: Settings, read: Sequence[Slot]) -> str:
    return f"""
    WITH session AS MATERIALIZED (
        SELECT s.id, s.tutor_id, s.student_id, s.notification_enabled, s.alarm_enabled,
               {alarm_minutes(catalog)} AS alarm_minutes, {STARTS_AT} AS starts_at,
               {PAUSED} AS paused
          FROM tutor_sessions s
         WHERE s.session_date BETWEEN :first_day AND :last_day AND ({_within(read)})
           AND (s.notification_enabled OR s.alarm_enabled) AND {LIVE}
    ), due AS MATERIALIZED (
        SELECT s.id AS session_id, s.tutor_id, s.student_id, s.starts_at, s.paused,
               w.kind, w.minutes AS lead_minutes, s.starts_at - w.before AS due_at
          FROM session s
          JOIN unnest(
                   CAST(:kinds AS text[]), CAST(:befores AS interval[]),
                   CAST(:minutes AS integer[]), CAST(:afters AS timestamptz[]),
                   CAST(:untils AS timestamptz[])) AS w(kind, before, minutes, after, until)
            ON s.starts_at > w.after AND s.starts_at <= w.until
           AND CASE w.kind WHEN 'reminder' THEN s.notification_enabled
                           WHEN 'escalation' THEN s.alarm_enabled AND s.alarm_minutes > w.minutes
                           ELSE s.alarm_enabled AND w.minutes = s.alarm_minutes END
    ), told AS ({people(catalog, settings)}
    ), wished AS (
        SELECT told.*, CASE
               WHEN told.kind = 'reminder' AND {QUIET_WISHED}
               THEN session_worker.heeding_quiet(person_id, due_at, starts_at, :zone)
               ELSE due_at END AS send_after
          FROM told
    ), candidate AS (
        SELECT DISTINCT ON (tutor_id, student_id, starts_at, kind, lead_minutes, recipient) *
          FROM wished
         WHERE due_at <= :horizon OR send_after <= :horizon
         ORDER BY tutor_id, student_id, starts_at, kind, lead_minutes, recipient,
                  paused, place, session_id
    ), fresh AS (
        SELECT c.*, CASE
               WHEN paused THEN 'series_paused'
               WHEN session_worker.begun(kind, lead_minutes, starts_at, NULL, :now) THEN 'begun'
               WHEN due_at <= CAST(:silent_until AS timestamptz) THEN 'before_first_tick'
               END AS reason
          FROM candidate c
          LEFT JOIN LATERAL (
              SELECT d.id FROM session_worker.delivery d
               WHERE d.tutor_id = c.tutor_id AND d.student_id = c.student_id
                 AND d.starts_at = c.starts_at AND d.kind = c.kind
                 AND d.lead_minutes = c.lead_minutes AND d.recipient = c.recipient
                 AND (d.session_id = c.session_id OR NOT {IS_OVER})
               LIMIT 1) known ON true
         WHERE known.id IS NULL
    )
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, revision, recipient,
        person_id, role, state, reason, due_at, send_after)
    SELECT session_id, tutor_id, student_id, starts_at, kind, lead_minutes,
           (SELECT coalesce(max(o.revision) + 1, 0) FROM session_worker.delivery o
             WHERE o.tutor_id = f.tutor_id AND o.student_id = f.student_id
               AND o.starts_at = f.starts_at AND o.kind = f.kind
               AND o.lead_minutes = f.lead_minutes AND o.recipient = f.recipient),
           recipient, person_id, role,
           CASE reason WHEN 'begun' THEN 'expired' ELSE
               CASE WHEN reason IS NULL THEN 'planned' ELSE 'obsolete' END END,
           reason, due_at, send_after
      FROM fresh f
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id, state"""


# On a site where nobody has quiet hours, they are not read for each person.
QUIET_WISHED = "EXISTS (SELECT FROM session_worker.preference WHERE quiet_from IS NOT NULL)"


def quiet_hours_wished(conn: Connection) -> bool:
    """True where anybody has quiet hours, so that a reminder may have to be sent early."""
    return bool(conn.scalar(text(f"SELECT {QUIET_WISHED}")))


# Index: (session_date, start_time) of tutor_sessions where there is one. Only the coming week.
def _alarm_minutes_in_use(catalog: SiteCatalog) -> str:
    return f"""
    SELECT DISTINCT {alarm_minutes(catalog)} FROM tutor_sessions s
     WHERE s.alarm_enabled AND s.session_date BETWEEN :first_day AND :last_day
     ORDER BY 1"""


def alarm_minutes_in_use(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> list[int]:
    """Distinct leads of the coming week's alarms, in minutes, ascending."""
    today = now.astimezone(settings.zone).date()
    days = LONGEST_ALARM + timedelta(days=2)
    return [
        *conn.scalars(
            text(_alarm_minutes_in_use(catalog)),
            {"first_day": today - timedelta(days=1), "last_day": today + days},
        )
    ]
