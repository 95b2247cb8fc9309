"""The sessions of the coming week, and the people who would be told of them, for the digest."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.message import Kind
from scheduler.reminders.read.claimed import Facts, read_facts
from scheduler.reminders.read.preview import IMAGINED
from scheduler.reminders.read.still_true import LIVE, PAUSED, STARTS_AT, alarm_minutes
from scheduler.settings import Settings
from scheduler.site.recipients import people

WEEK = timedelta(days=7)
Way = tuple[str, str]  # a person's key in the ledger, and the kind of message


@dataclass(frozen=True, slots=True)
class PersonsWeek:
    """A person's coming sessions that they would be told of."""

    recipient: str
    sessions: int
    first_starts_at: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """Numbers of sessions: all, those of which nobody is told, and of these those whose reminders
    and alarms are both switched off."""

    sessions: int
    silent: int
    switched_off: int


# Index: (session_date, start_time) of tutor_sessions where the site has one. Once a week. Sessions
# of a paused series tell nobody on purpose, and are left out.
def _told(catalog: SiteCatalog, settings: Settings) -> str:
    return f"""
    WITH session AS MATERIALIZED (
        SELECT s.id, s.tutor_id, s.student_id, s.notification_enabled, s.alarm_enabled,
               {alarm_minutes(catalog)} AS alarm_minutes, {STARTS_AT} AS starts_at
          FROM tutor_sessions s
         WHERE s.session_date BETWEEN :first_day AND :last_day AND {LIVE} AND NOT {PAUSED}
           AND {STARTS_AT} > :now AND {STARTS_AT} <= :until
    ), due AS MATERIALIZED (
        SELECT s.id AS session_id, s.tutor_id, s.student_id, s.starts_at, w.kind,
               CASE w.kind WHEN 'alarm' THEN s.alarm_minutes ELSE 0 END AS lead_minutes
          FROM session s JOIN (VALUES ('reminder'), ('alarm')) AS w(kind)
            ON CASE w.kind WHEN 'reminder' THEN s.notification_enabled ELSE s.alarm_enabled END
    ), told AS MATERIALIZED ({people(catalog, settings)}
    )"""


def _parameters(settings: Settings, now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "until": now + WEEK,
        "zone": settings.site_timezone,
        "first_day": (now - timedelta(days=1)).astimezone(settings.zone).date(),
        "last_day": (now + WEEK).astimezone(settings.zone).date(),
    }


def people_of_week(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> list[Facts]:
    """Facts of one message to each person and kind, as if it were claimed now, about the first of
    their coming sessions. Reads only."""
    holder = uuid4()
    parameters = {**_parameters(settings, now), "holder": holder}
    imagined = f"""({_told(catalog, settings)}, numbered AS (
        SELECT *, row_number() OVER (ORDER BY recipient, kind) AS number
          FROM (SELECT DISTINCT ON (recipient, kind) * FROM told
                 ORDER BY recipient, kind, place, starts_at, session_id) f)
    SELECT {IMAGINED}, kind, NULL::jsonb AS change FROM numbered)"""
    ids = conn.scalars(text(f"SELECT d.id FROM {imagined} d"), parameters).all()
    return (
        read_facts(conn, catalog, settings, ids, holder, now, imagined, parameters) if ids else []
    )


def weeks_of(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    recipients: Sequence[str],
) -> Mapping[str, PersonsWeek]:
    """How many sessions these people have in the coming week, and when the first one starts."""
    rows = conn.execute(
        text(f"""{_told(catalog, settings)}
    SELECT recipient, count(DISTINCT session_id), min(starts_at) FROM told
     WHERE recipient = ANY(CAST(:recipients AS text[])) GROUP BY 1"""),
        {**_parameters(settings, now), "recipients": [*recipients]},
    )
    return {row[0]: PersonsWeek(*row) for row in rows}


def silence_of_week(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    closed: Collection[Way],
) -> Silence:
    """How many of the week's sessions tell nobody, where the ways `closed` reach nobody."""
    row = conn.execute(
        text(f"""{_told(catalog, settings)}, heard AS (
        SELECT DISTINCT session_id FROM told
         WHERE NOT EXISTS (
             SELECT FROM unnest(CAST(:recipients AS text[]), CAST(:kinds AS text[]))
                         AS c(recipient, kind)
              WHERE c.recipient = told.recipient AND c.kind = told.kind))
    SELECT count(*), count(*) FILTER (WHERE h.session_id IS NULL),
           count(*) FILTER (WHERE s.notification_enabled IS NOT TRUE
                              AND s.alarm_enabled IS NOT TRUE)
      FROM session s LEFT JOIN heard h ON h.session_id = s.id"""),
        {
            **_parameters(settings, now),
            "recipients": [recipient for recipient, _ in closed],
            "kinds": [Kind(kind).value for _, kind in closed],
        },
    ).one()
    return Silence(*row)
