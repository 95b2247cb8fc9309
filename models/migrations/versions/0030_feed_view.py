"""The view session_worker.feed, for a site that serves people's calendars itself."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

# A view on the site's tables would refuse changes of their columns, so a function reads them, whose
# body depends on nothing until it runs. It has the caller's rights: the site's own, on its tables.
FEED = """
CREATE FUNCTION session_worker.feed_of(person bigint, tutor_ids text, student_ids text)
RETURNS TABLE (
    session_id bigint, status text, starts timestamp, ends timestamp, subject text, topic text,
    mode text, meeting_link text, location text, tutor_id bigint, student_id bigint
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    tutors bigint[] := ARRAY[person];
    students bigint[] := ARRAY[person];
BEGIN
    IF tutor_ids IS DISTINCT FROM 'user' THEN
        tutors := ARRAY(SELECT p.id FROM tutor_profiles p WHERE p.user_id = person);
    END IF;
    IF student_ids IS DISTINCT FROM 'user' THEN
        students := ARRAY(SELECT p.id FROM student_profiles p WHERE p.user_id = person);
    END IF;
    -- A parent's children; where the parents' profiles list them, both sides have to agree.
    IF to_regclass('parent_profiles') IS NOT NULL THEN
        students := students || ARRAY(
            SELECT CASE student_ids WHEN 'user' THEN c.user_id ELSE c.id END
              FROM (SELECT to_jsonb(pp) AS parent FROM parent_profiles pp) p
              JOIN student_profiles c ON to_jsonb(c)->'parent_id' @> (p.parent->'id')
             WHERE p.parent->'user_id' = to_jsonb(person)
               AND (NOT p.parent ? 'children_ids'
                    OR p.parent->'children_ids' @> to_jsonb(c.id)
                    OR p.parent->'children_ids' @> to_jsonb(c.id::text)));
    END IF;
    RETURN QUERY
    SELECT s.id::bigint,
           CASE session_worker.status_of(s.status::text)
               WHEN 'cancelled' THEN 'CANCELLED' ELSE 'CONFIRMED' END,
           s.session_date + s.start_time,
           session_worker.wall_end(
               s.session_date + s.start_time, s.end_time, (x.more->>'duration')::integer, 60),
           s.subject::text, x.more->>'topic', s.mode::text, x.more->>'meeting_link',
           x.more->>'location', s.tutor_id::bigint, s.student_id::bigint
      FROM tutor_sessions s CROSS JOIN LATERAL (SELECT to_jsonb(s) AS more) x
     WHERE (s.tutor_id = ANY(tutors) OR s.student_id = ANY(students))
       AND s.session_date >= current_date - 366 AND s.start_time IS NOT NULL;
END
$$;

-- The sessions of the person whose id stands in the setting session_worker.person, as in the inbox.
-- The entry's id and its number are those of the last mail, as in the worker's own feeds.
CREATE VIEW session_worker.feed AS
SELECT p.person, f.session_id,
       'session-' || coalesce(l.told->>'entry', f.session_id::text) || '@session-worker.invalid'
           AS uid,
       coalesce((l.told->>'sequence')::integer, 0) AS sequence,
       f.status, f.starts, f.ends, f.subject, f.topic, f.mode, f.meeting_link, f.location,
       f.tutor_id, f.student_id
  FROM (SELECT nullif(current_setting('session_worker.person', true), '')::bigint AS person) p
 CROSS JOIN session_worker.installation i
 CROSS JOIN LATERAL session_worker.feed_of(p.person, i.tutor_ids, i.student_ids) f
  LEFT JOIN LATERAL (
      SELECT d.told FROM session_worker.delivery d
       WHERE d.session_id = f.session_id AND d.recipient = 'user:' || p.person
         AND d.told IS NOT NULL AND d.kind NOT IN ('agenda', 'follow_up')
         AND (d.state = 'sent' OR d.attempts > 0 AND d.state <> 'sending'
              AND d.reason IS DISTINCT FROM 'settled_by_admin'
              AND EXISTS (SELECT FROM session_worker.attempt a
                           WHERE a.delivery_id = d.id AND a.outcome IS DISTINCT FROM 'failed'))
       ORDER BY coalesce(d.message_at, d.sent_at) DESC, d.id DESC LIMIT 1) l ON true
 WHERE p.person IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(FEED)
