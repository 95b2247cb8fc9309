"""A session's present row: the values on which messages depend."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.expansion.find.gone_rows import COULD_NOT_FOLLOW, WHY_NOT
from scheduler.reminders.read.still_true import LIVE, PAUSED, STARTS_AT, STATUS, alarm_minutes
from scheduler.site.absences import absence_words


@dataclass(frozen=True, slots=True)
class Session:
    """A session. `status`: normalised as for comparisons in SQL. `alarm_given`: the row's
    alarm_before_minutes, `alarm_minutes`: the minutes used. `paused`: the reason why its series is
    paused, or None. `behind`: the reason why the row could not follow a change of its rule, or
    None. `absence`: the absence that it is cancelled for, in words, or None."""

    id: int
    starts_at: datetime
    status: str | None
    live: bool
    reminds: bool
    alarms: bool
    alarm_given: int | None
    alarm_minutes: int
    paused: str | None
    behind: str | None
    absence: str | None


# Indexes: the primary key; those of PAUSED; occurrence_session.
def _read_session(catalog: SiteCatalog) -> str:
    given = catalog.read("s", "tutor_sessions", "alarm_before_minutes")
    return f"""
    SELECT s.id, {STARTS_AT}, {STATUS}, {LIVE}, coalesce(s.notification_enabled, false),
           coalesce(s.alarm_enabled, false), {given}, {alarm_minutes(catalog)},
           CASE WHEN {PAUSED} THEN coalesce({WHY_PAUSED}, 'paused') END, {WHY_BEHIND},
           {WHY_ABSENT}
      FROM tutor_sessions s WHERE s.id = :id"""


WHY_PAUSED = """(
    SELECT r.reason FROM session_worker.series r
     WHERE r.state = 'paused' AND (r.anchor_id = s.id OR r.anchor_id IN (
           SELECT o.anchor_id FROM session_worker.occurrence o WHERE o.session_id = s.id))
     ORDER BY r.anchor_id LIMIT 1)"""


WHY_BEHIND = f"""(
    SELECT {WHY_NOT.format("o")} FROM session_worker.occurrence o
     WHERE o.session_id = s.id AND {COULD_NOT_FOLLOW.format("o")} ORDER BY o.anchor_id LIMIT 1)"""


# Index: occurrence_session.
WHY_ABSENT = f"""(
    SELECT {absence_words("o.absence")} FROM session_worker.occurrence o
     WHERE o.session_id = s.id AND o.state = 'skipped' AND o.absence IS NOT NULL
     ORDER BY o.absence LIMIT 1)"""


def read_session(
    conn: Connection, catalog: SiteCatalog, session_id: int, zone: str
) -> Session | None:
    """The session's row, or None where there is none (any more). `zone`: the site's."""
    parameters = {"id": session_id, "zone": zone}
    row = conn.execute(text(_read_session(catalog)), parameters).one_or_none()
    return None if row is None else Session(*row)
