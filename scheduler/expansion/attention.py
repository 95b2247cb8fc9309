"""Which series need work: found by comparing, in a few statements, so that a run with nothing to
do reads each table once and writes nothing."""

from sqlalchemy import Connection, text

from scheduler.expansion.people import enrolled_now, pause_reason, people_joins
from scheduler.expansion.span import Span
from scheduler.expansion.timing import LIVE, series_end, series_start, session_end, session_start


def needing_work(conn: Connection, span: Span) -> list[int]:
    """Anchor ids, ascending: the lower one wins where two rules collide (design, "Conflict")."""
    found = set(conn.scalars(text(RULES_CHANGED), _dates(span) | {"context": span.context}))
    found |= set(conn.scalars(text(_people_changed(span))))
    found |= set(conn.scalars(text(_obstacle_gone(span)), _dates(span) | _minutes(span)))
    return sorted(found)


# A row's xmin tells that somebody wrote it since it was last read: no column can be forgotten, and
# `updated_at`, which the site does not always touch, is not needed. One pass over tutor_sessions:
# a guest cannot count on an index for is_recurring.
RULES_CHANGED = """
    WITH anchor AS MATERIALIZED (
        SELECT t.id, t.xmin::text || ':' || :context AS seen
          FROM tutor_sessions t WHERE t.is_recurring)
    SELECT a.id FROM anchor a LEFT JOIN session_worker.series s ON s.anchor_id = a.id
     WHERE s.anchor_id IS NULL OR s.seen <> a.seen
        OR s.state = 'ended' AND (s.ends_on IS NULL OR s.ends_on >= :today)
        OR s.state = 'active' AND (
               s.ends_on < :today OR s.planned_until IS NULL OR s.planned_from > :first
               OR s.planned_until < least(s.ends_on, :last))
    UNION ALL
    SELECT s.anchor_id FROM session_worker.series s LEFT JOIN anchor a ON a.id = s.anchor_id
     WHERE a.id IS NULL AND s.state NOT IN ('stopped', 'ended')
    UNION ALL
    SELECT s.anchor_id FROM session_worker.series s
     WHERE s.state = 'stopped'
       AND NOT EXISTS (SELECT FROM tutor_sessions t WHERE t.id = s.anchor_id)"""


def _people_changed(span: Span) -> str:
    reason, enrolled = pause_reason(span.catalog, "s"), enrolled_now(span.catalog)
    return f"""
    SELECT s.anchor_id FROM session_worker.series s {people_joins(span.catalog, "s")}
     WHERE s.state IN ('active', 'paused')
       AND ((({reason}) IS NOT NULL) <> (s.state = 'paused') OR NOT s.enrolled AND {enrolled})"""


def _obstacle_gone(span: Span) -> str:
    """Index: occurrence_open. A conflict is looked at again when its obstacle stands no more."""
    starts, ends = series_start("s", "o"), series_end("s", "o")
    return f"""
    SELECT DISTINCT o.anchor_id
      FROM session_worker.occurrence o
      JOIN session_worker.series s ON s.anchor_id = o.anchor_id AND s.state = 'active'
      LEFT JOIN tutor_sessions t ON t.id = o.blocked_by
     WHERE (o.state = 'conflict' OR o.blocked_by IS NOT NULL)
       AND o.occurs_on BETWEEN :today AND :last
       AND NOT coalesce({LIVE.format("t")}
           AND {session_start("t")} < {ends} AND {starts} < {session_end(span.catalog, "t")}
           AND (t.student_id = s.student_id OR t.tutor_id = s.tutor_id AND NOT (
                {session_start("t")} = {starts} AND {session_end(span.catalog, "t")} = {ends})),
           false)"""


def _dates(span: Span) -> dict[str, object]:
    return {"today": span.today, "first": span.first, "last": span.last}


def _minutes(span: Span) -> dict[str, object]:
    return {"default_minutes": span.settings.default_duration_minutes}
