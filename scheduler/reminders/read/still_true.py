"""SQL for what a session row says now, and whether a message about it would still be true.

In the statements `s` is the row of tutor_sessions, `d` that of the ledger; they bind `:zone`
(SITE_TIMEZONE).
"""

from models.catalog import SiteCatalog

STARTS_AT = "session_worker.instant(s.session_date + s.start_time, :zone)"
STATUS = "session_worker.status_of(s.status::text)"
# A row beyond the years that Python counts has no start that anybody could be told.
LIVE = f"({STATUS} IS NOT DISTINCT FROM 'scheduled' AND s.session_date < DATE '9999-12-01')"

# Index: series_paused; nobody is asked for one by one where nothing is paused.
PAUSED = """(EXISTS (SELECT FROM session_worker.series WHERE state = 'paused')
                AND session_worker.is_paused(s.id))"""

# Reasons that a message is not true; one of them can become true again (promise 4).
WHY_NOT_TRUE = (
    "deleted", "reassigned", "cancelled", "not_scheduled", "moved", "switched_off",
    "lead_changed", "series_paused",
)  # fmt: skip

# Whether the row stands for the start that the message names. NULL columns: there is no such row.
STANDS = f"""coalesce(s.tutor_id = d.tutor_id AND s.student_id = d.student_id
               AND {LIVE} AND {STARTS_AT} = d.starts_at, false)"""

# Why the row no longer stands for it, or NULL.
FALLEN = f"""
         WHEN s.id IS NULL THEN 'deleted'
         WHEN s.tutor_id <> d.tutor_id OR s.student_id <> d.student_id THEN 'reassigned'
         WHEN {STATUS} = 'cancelled' THEN 'cancelled'
         WHEN NOT {LIVE} THEN 'not_scheduled'
         WHEN {STARTS_AT} <> d.starts_at THEN 'moved'"""


def alarm_minutes(catalog: SiteCatalog) -> str:
    """SQL: how many minutes before its start the session's alarm is due."""
    column = catalog.read("s", "tutor_sessions", "alarm_before_minutes")
    return f"session_worker.alarm_minutes({column})"


def why_not_true(catalog: SiteCatalog) -> str:
    """SQL: why a reminder or alarm `d` is not true of the session `s` (an outer join), or NULL."""
    return f"""CASE {FALLEN}
         WHEN d.kind = 'reminder' AND s.notification_enabled IS NOT TRUE THEN 'switched_off'
         WHEN d.kind = 'alarm' AND s.alarm_enabled IS NOT TRUE THEN 'switched_off'
         WHEN d.kind = 'alarm' AND d.lead_minutes <> {alarm_minutes(catalog)} THEN 'lead_changed'
         WHEN {PAUSED} THEN 'series_paused' END"""
