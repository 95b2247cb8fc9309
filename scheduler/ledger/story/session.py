"""A session's row as it is now, as far as messages depend on it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.reminders.read.still_true import LIVE, PAUSED, STARTS_AT, STATUS, alarm_minutes


@dataclass(frozen=True, slots=True)
class Session:
    """`status` in the one spelling that statements compare. `alarm_given`: as the row has it,
    `alarm_minutes` what that means. `paused`: why its series is paused, None: it is not."""

    id: int
    starts_at: datetime
    status: str | None
    live: bool
    reminds: bool
    alarms: bool
    alarm_given: int | None
    alarm_minutes: int
    paused: str | None


# Indexes: the primary key; those of PAUSED.
def _read_session(catalog: SiteCatalog) -> str:
    given = catalog.read("s", "tutor_sessions", "alarm_before_minutes")
    return f"""
    SELECT s.id, {STARTS_AT}, {STATUS}, {LIVE}, coalesce(s.notification_enabled, false),
           coalesce(s.alarm_enabled, false), {given}, {alarm_minutes(catalog)},
           CASE WHEN {PAUSED} THEN coalesce({WHY_PAUSED}, 'paused') END
      FROM tutor_sessions s WHERE s.id = :id"""


WHY_PAUSED = """(
    SELECT r.reason FROM session_worker.series r
     WHERE r.state = 'paused' AND (r.anchor_id = s.id OR r.anchor_id IN (
           SELECT o.anchor_id FROM session_worker.occurrence o WHERE o.session_id = s.id))
     ORDER BY r.anchor_id LIMIT 1)"""


def read_session(
    conn: Connection, catalog: SiteCatalog, session_id: int, zone: str
) -> Session | None:
    """None: there is no such row (any more)."""
    parameters = {"id": session_id, "zone": zone}
    row = conn.execute(text(_read_session(catalog)), parameters).one_or_none()
    return None if row is None else Session(*row)
