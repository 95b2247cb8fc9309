"""SQL for the present state of a session row, and for the truth of a message about it.

In the statements `s` is the row of tutor_sessions, `d` that of the ledger; they bind `:zone`
(SITE_TIMEZONE).
"""

from models.catalog import SiteCatalog
from scheduler.rules.values import FIRST_DAY, LAST_DAY

# A date beyond what Python and PostgreSQL can reckon counts as the nearest within: no statement
# may fail on it, whatever else it is about. LIVE leaves such a row out.
READABLE_DATE = "greatest(least(s.session_date, DATE '9999-12-30'), DATE '0001-01-03')"
STARTS_AT = f"session_worker.instant({READABLE_DATE} + s.start_time, :zone)"
STATUS = "session_worker.status_of(s.status::text)"
# Nobody is told of a row without a start, or on a date that nobody can mean (the doctor names it).
LIVE = f"""({STATUS} IS NOT DISTINCT FROM 'scheduled'
           AND (s.session_date BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'
                AND s.start_time IS NOT NULL) IS TRUE)"""

# Index: series_paused. Where nothing is paused, no row is looked up.
PAUSED = """(EXISTS (SELECT FROM session_worker.series WHERE state = 'paused')
                AND session_worker.is_paused(s.id))"""

# Reasons why a message is not true. With each of them it can become true again (promise 4).
WHY_NOT_TRUE = (
    "deleted", "reassigned", "cancelled", "not_scheduled", "moved", "switched_off",
    "lead_changed", "series_paused",
)  # fmt: skip

# True where the row still has the people and the start that the message names. Without a row all
# columns of `s` are NULL.
STANDS = f"""coalesce(s.tutor_id = d.tutor_id AND s.student_id = d.student_id
               AND {LIVE} AND {STARTS_AT} = d.starts_at, false)"""

# The time in which a question after a lesson is asked; then it is too late (docs/decisions/0121).
ANSWER_TIME = "interval '24 hours'"

# Reason why it does not, or NULL. A question's `starts_at` is the end of that time.
FALLEN = f"""
         WHEN s.id IS NULL THEN 'deleted'
         WHEN s.tutor_id <> d.tutor_id OR s.student_id <> d.student_id THEN 'reassigned'
         WHEN {STATUS} = 'cancelled' THEN 'cancelled'
         WHEN NOT {LIVE} THEN 'not_scheduled'
         WHEN CASE d.kind WHEN 'follow_up' THEN {STARTS_AT} >= d.starts_at - {ANSWER_TIME}
                          ELSE {STARTS_AT} <> d.starts_at END THEN 'moved'"""


# True where anybody has acknowledged an alarm of the session at this start, on whatever channel.
# Index: delivery_once.
ACKNOWLEDGED = """EXISTS (
    SELECT FROM session_worker.delivery a
     WHERE a.tutor_id = d.tutor_id AND a.student_id = d.student_id AND a.starts_at = d.starts_at
       AND a.kind IN ('alarm', 'escalation') AND a.acknowledged_at IS NOT NULL)"""


def alarm_minutes(catalog: SiteCatalog) -> str:
    """SQL of the time between the session's alarm and its start, in minutes."""
    column = catalog.read("s", "tutor_sessions", "alarm_before_minutes")
    return f"session_worker.alarm_minutes({column})"


def why_not_true(catalog: SiteCatalog) -> str:
    """SQL of the reason why a message `d`, other than a notice, is not true of session `s` (an
    outer join), or NULL."""
    return f"""CASE {FALLEN}
         WHEN d.kind = 'reminder' AND s.notification_enabled IS NOT TRUE THEN 'switched_off'
         WHEN d.kind IN ('alarm', 'escalation') AND s.alarm_enabled IS NOT TRUE THEN 'switched_off'
         WHEN d.kind = 'alarm' AND d.lead_minutes <> {alarm_minutes(catalog)} THEN 'lead_changed'
         WHEN d.kind = 'escalation' AND d.lead_minutes >= {alarm_minutes(catalog)}
         THEN 'lead_changed'
         WHEN d.kind = 'escalation' AND {ACKNOWLEDGED} THEN 'acknowledged'
         WHEN {PAUSED} THEN 'series_paused' END"""
