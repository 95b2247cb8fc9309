"""Facts for the preview of a message, as if its ledger rows existed and were claimed now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.message import Kind
from scheduler.reminders.read.claimed import Facts, read_facts
from scheduler.reminders.read.still_true import ANSWER_TIME, LIVE, STARTS_AT, alarm_minutes
from scheduler.settings import Role, Settings
from scheduler.site.recipients import BRANCHES, NOBODY


class NothingToShow(Exception):
    """There is no such session, or nobody in that role. One line with a cure."""


class Occasion(StrEnum):
    """Occasion of a message: reminder, alarm, agenda, or a notice by its kind of change."""

    ALARM = "alarm"
    REMINDER = "reminder"
    MOVED = "moved"
    CANCELLED = "cancelled"
    RESTORED = "restored"
    REASSIGNED = "reassigned"
    AGENDA = "agenda"
    ESCALATION = "escalation"
    FOLLOW_UP = "follow_up"

    @property
    def kind(self) -> Kind:
        return Kind(self.value) if self.value in list(Kind) else Kind.NOTICE


@dataclass(frozen=True, slots=True)
class Wanted:
    """The message to preview.

    A move is shown as one from the day after, as a notice whose old start has passed would not be
    sent. In a reassignment the other person is the new one.
    """

    session_id: int
    occasion: Occasion
    role: Role


def preview_facts(
    conn: Connection, catalog: SiteCatalog, settings: Settings, wanted: Wanted, now: datetime
) -> list[Facts]:
    """Facts of the message, including the other sessions told in it.

    Reads only: a query with ids below zero takes the place of ledger rows. Raises NothingToShow.
    """
    if conn.execute(THERE, {"id": wanted.session_id}).one_or_none() is None:
        raise NothingToShow(
            f"there is no session {wanted.session_id}: give the id of a tutor_sessions row."
        )
    holder = uuid4()
    imagined, parameters = _imagine(catalog, wanted), _parameters(settings, wanted, holder)
    ids = conn.scalars(text(f"SELECT d.id FROM {imagined} d"), parameters).all()
    if not ids:
        raise NothingToShow(f"session {wanted.session_id} has no {wanted.role} to write to.")
    return read_facts(conn, catalog, settings, ids, holder, now, imagined, parameters)


# Index: primary key.
THERE = text("SELECT id FROM tutor_sessions WHERE id = :id")


def _parameters(settings: Settings, wanted: Wanted, holder: UUID) -> Mapping[str, object]:
    notice = wanted.occasion.kind is Kind.NOTICE
    leads = settings.reminder_leads
    return {
        "id": wanted.session_id,
        "zone": settings.site_timezone,
        "kind": wanted.occasion.kind,
        "change": wanted.occasion if notice else None,
        "reminder_minutes": int(max(leads).total_seconds() // 60) if leads else 0,
        "escalation_minutes": settings.escalate.minutes if settings.escalate else 0,
        "holder": holder,
    }


# The ledger's columns of a row that does not exist, claimed by `:holder`. `number` becomes its id,
# below zero. The kind and the change are the statement's own.
IMAGINED = """-number AS id, session_id, tutor_id, student_id, starts_at, 0 AS urgency,
           lead_minutes, recipient, person_id, role, NULL::uuid AS message_key,
           NULL::timestamptz AS message_at, 0 AS attempts,
           NULL::timestamptz AS tries_since, NULL::bigint AS batch, 'claimed' AS state,
           CAST(:holder AS uuid) AS holder"""


# Indexes: primary keys; for other sessions of the same message (session_date, start_time) of
# tutor_sessions, where the site has one. Run for one message at a time.
def _imagine(catalog: SiteCatalog, wanted: Wanted) -> str:
    return f"""(
    WITH due AS (
        SELECT s.id AS session_id, s.tutor_id, s.student_id,
               {STARTS_AT} + {SHOWN_LATER} AS starts_at,
               CASE :kind WHEN 'alarm' THEN {alarm_minutes(catalog)}
                          WHEN 'reminder' THEN CAST(:reminder_minutes AS integer)
                          WHEN 'escalation' THEN CAST(:escalation_minutes AS integer)
                          ELSE 0 END AS lead_minutes
          FROM tutor_sessions s
          JOIN tutor_sessions chosen ON {BESIDE[wanted.occasion.kind]}
         WHERE chosen.id = :id AND (s.id = chosen.id OR {LIVE})
    ), told AS (
        {BRANCHES[wanted.role](catalog) or NOBODY}
    ), numbered AS (
        SELECT told.*, row_number() OVER (ORDER BY starts_at, session_id, recipient) AS number
          FROM told
         WHERE recipient IN (SELECT recipient FROM told WHERE session_id = :id)
    )
    SELECT {IMAGINED},
           CASE WHEN CAST(:change AS text) IS NOT NULL THEN jsonb_build_object(
               'kind', CAST(:change AS text), 'old_starts_at',
               CASE :change WHEN 'moved' THEN starts_at + interval '1 day' ELSE starts_at END)
               || CASE :change WHEN 'reassigned' THEN jsonb_build_object(
                      CASE role WHEN 'tutor' THEN 'old_student_id' ELSE 'old_tutor_id' END, 0)
                  ELSE jsonb_build_object() END
               END AS change, CAST(:kind AS text) AS kind
      FROM numbered)"""


# A question's `starts_at` is the end of the time in which it is asked.
SHOWN_LATER = f"CASE :kind WHEN 'follow_up' THEN {ANSWER_TIME} * 2 ELSE interval '0' END"
SAME_START = "(s.session_date, s.start_time) = (chosen.session_date, chosen.start_time)"
BESIDE = {
    Kind.ALARM: SAME_START,
    Kind.REMINDER: SAME_START,
    Kind.NOTICE: "s.id = chosen.id",
    Kind.ESCALATION: SAME_START,
    Kind.FOLLOW_UP: "s.id = chosen.id",
    Kind.AGENDA: "s.session_date = chosen.session_date",
}
