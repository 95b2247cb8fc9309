"""SQL of due notices: for each person, what no longer holds of the last message about a session.

Compared are whether the session takes place, its start, and its people. A session that was moved
and moved back before anybody was notified has not changed. `change` in the ledger holds the kind of
change, the start of which the person was notified, the former id where a tutor or student was
replaced, whether a cancellation concerns only this person, and the absence it is for.

A session that is cancelled for an absence is told to everybody whom it concerns, notified before or
not (docs/decisions/0151).
"""

from models.catalog import SiteCatalog
from scheduler.reminders.read.last_told import IS_LAST, MAY_KNOW, is_off, is_on
from scheduler.reminders.read.still_true import STARTS_AT, STATUS
from scheduler.settings import Role, Settings
from scheduler.site.absences import ABSENCES_OF, AWAY, JOIN_AWAY
from scheduler.site.recipients import BRANCHES

# The absence for which the worker cancelled the session `{}`. Index: occurrence_session.
ABSENCE = """(
    SELECT o.absence FROM session_worker.occurrence o
     WHERE o.session_id = {} AND o.state = 'skipped' AND o.absence IS NOT NULL
     ORDER BY o.absence LIMIT 1)"""

# True where expansion has followed all absences: until then a message would list only some of their
# sessions. Series that the site refuses are not waited for, and nothing is for ten minutes.
FOLLOWED = f"""(
    NOT EXISTS (SELECT FROM session_worker.absence
                 WHERE greatest(entered_at, withdrawn_at) > :now - interval '10 minutes')
    OR NOT EXISTS (
        WITH {AWAY}
        SELECT FROM session_worker.series s {JOIN_AWAY}
         WHERE s.absences <> {ABSENCES_OF}
           AND s.anchor_id NOT IN (SELECT anchor_id FROM session_worker.refused)))"""
# True where the notice `w` may be planned.
IS_WHOLE = f"(NOT w.change ? 'absence' OR (SELECT {FOLLOWED}))"


def _concerned(catalog: SiteCatalog, settings: Settings) -> str:
    """SQL of the people of `due`, once for each role that gets messages at all."""
    roles = {*settings.reminder_recipients, *settings.alarm_recipients}
    found = [branch for role in Role if role in roles and (branch := BRANCHES[role](catalog))]
    return " UNION ALL ".join(found) or (
        "SELECT due.*, '' AS role, 1 AS place, NULL::integer AS person_id, '' AS recipient"
        " FROM due WHERE false"
    )


# The last message to each person about a session still to begin, where it no longer holds, and the
# content of the notice. No notice is due while a newer message is being sent, which may tell it
# already. A cancellation is told even where the session's switches are off, as the person may be on
# the way.
# Indexes: delivery_start, delivery_session, the primary key of tutor_sessions, occurrence_absent.
# The last message is looked up row by row (docs/decisions/0021).
def due_notices(catalog: SiteCatalog, settings: Settings) -> str:
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
               {is_on(catalog)} AND (
                   s.notification_enabled OR s.alarm_enabled
                   OR d.change->>'kind' = 'cancelled' AND d.change ? 'absence') IS TRUE AS goes_on,
               d.change->'absence' AS told_absence,
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
    ), due AS MATERIALIZED (
        SELECT s.id AS session_id, s.tutor_id, s.student_id, {STARTS_AT} AS starts_at,
               min(o.absence) AS absence
          FROM session_worker.occurrence o JOIN tutor_sessions s ON s.id = o.session_id
         WHERE o.absence IS NOT NULL AND o.state = 'skipped'
           AND o.occurs_on >= CAST(CAST(:now AS timestamptz) AT TIME ZONE :zone AS date) - 1
           AND {STATUS} = 'cancelled' AND s.start_time IS NOT NULL
         GROUP BY 1, 2, 3, 4
    ), concerned AS ({_concerned(catalog, settings)}
    ), untold AS (
        SELECT DISTINCT ON (session_id, recipient) * FROM concerned
         WHERE starts_at > :now
           AND (SELECT true FROM session_worker.delivery k
                 WHERE k.session_id = concerned.session_id AND k.recipient = concerned.recipient
                   AND (k.state = 'sending' AND k.kind <> 'agenda' OR {MAY_KNOW.format("k")})
                 LIMIT 1) IS NULL
         ORDER BY session_id, recipient, place
    ), wanted AS (
        SELECT session_id, recipient, person_id, role,
               old_tutor_id AS tutor_id, old_student_id AS student_id, old_starts_at AS starts_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'kind', kind, 'old_starts_at', old_starts_at,
                   'because', CASE WHEN is_there THEN 'reassigned' END,
                   'absence', CASE WHEN NOT is_there THEN {ABSENCE.format("worded.session_id")} END
               )) AS change
          FROM worded WHERE kind = 'cancelled'
         UNION ALL
        SELECT session_id, recipient, person_id, role, tutor_id, student_id, starts_at,
               jsonb_build_object(
                   'kind', 'cancelled', 'old_starts_at', starts_at, 'absence', absence)
          FROM untold
         UNION ALL
        SELECT session_id, recipient, person_id, role, tutor_id, student_id, new_starts_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'kind', kind, 'old_starts_at', old_starts_at,
                   'old_tutor_id', nullif(old_tutor_id, tutor_id),
                   'old_student_id', nullif(old_student_id, student_id),
                   'absence', CASE kind WHEN 'restored' THEN told_absence END))
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
