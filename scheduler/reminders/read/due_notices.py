"""SQL of due notices: for each person, what no longer holds of the last message about a session.

Compared are whether the session takes place, its start, and its people. A session that was moved
and moved back before anybody was notified has not changed. `change` in the ledger holds the kind of
change, the start of which the person was notified, the former id where a tutor or student was
replaced, and whether a cancellation concerns only this person.
"""

from models.catalog import SiteCatalog
from scheduler.reminders.read.last_told import IS_LAST, MAY_KNOW, is_off, is_on
from scheduler.reminders.read.still_true import STARTS_AT, STATUS


# The last message to each person about a session still to begin, where it no longer holds, and the
# content of the notice. No notice is due while a newer message is being sent, which may tell it
# already. A cancellation is told even where the session's switches are off, as the person may be on
# the way.
# Indexes: delivery_start, delivery_session, the primary key of tutor_sessions. The last message is
# looked up row by row (docs/decisions/0021).
def due_notices(catalog: SiteCatalog) -> str:
    """SQL of common table expressions; the last one, `wanted`, has one row for each due notice."""
    return f"""
    told AS MATERIALIZED (
        SELECT d.* FROM session_worker.delivery d
         WHERE d.starts_at > :now AND {MAY_KNOW.format("d")} AND {IS_LAST}
    ), changed AS (
        SELECT d.session_id, d.recipient, d.person_id, d.role,
               d.starts_at AS old_starts_at, d.tutor_id AS old_tutor_id,
               d.student_id AS old_student_id,
               {STARTS_AT} AS new_starts_at, s.tutor_id, s.student_id,
               coalesce(d.change->>'kind' = 'cancelled', false) AS told_off,
               {is_on(catalog)} AND (s.notification_enabled OR s.alarm_enabled) AS goes_on,
               {is_off(catalog)} AS is_off,
               s.id IS NOT NULL AND {STATUS} IS DISTINCT FROM 'cancelled' AS is_there
          FROM told d LEFT JOIN tutor_sessions s ON s.id = d.session_id
    ), worded AS (
        SELECT changed.*,
               CASE WHEN is_off AND NOT told_off THEN 'cancelled'
                    WHEN NOT goes_on THEN NULL
                    WHEN told_off THEN 'restored'
                    WHEN new_starts_at <> old_starts_at THEN 'moved'
                    WHEN tutor_id <> old_tutor_id OR student_id <> old_student_id
                    THEN 'reassigned' END AS kind
          FROM changed
    ), wanted AS (
        SELECT session_id, recipient, person_id, role,
               old_tutor_id AS tutor_id, old_student_id AS student_id, old_starts_at AS starts_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'kind', kind, 'old_starts_at', old_starts_at,
                   'because', CASE WHEN is_there THEN 'reassigned' END)) AS change
          FROM worded WHERE kind = 'cancelled'
         UNION ALL
        SELECT session_id, recipient, person_id, role, tutor_id, student_id, new_starts_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'kind', kind, 'old_starts_at', old_starts_at,
                   'old_tutor_id', nullif(old_tutor_id, tutor_id),
                   'old_student_id', nullif(old_student_id, student_id)))
          FROM worded WHERE kind <> 'cancelled' AND new_starts_at > :now
    )"""


SAME = """w.session_id = d.session_id AND w.recipient = d.recipient
          AND w.tutor_id = d.tutor_id AND w.student_id = d.student_id
          AND w.starts_at = d.starts_at AND w.change = d.change"""

# An existing notice of the change, so that none is made: it is still to be sent, or was
# unreachable. Not one that may have reached its person and is not their last message, nor one that
# was tried and then withdrawn, as newer messages have been sent since.
IN_PLACE = f"""({{0}}.state <> 'sent' AND NOT {MAY_KNOW}
                 AND ({{0}}.state <> 'obsolete' OR {{0}}.message_at IS NULL))"""
