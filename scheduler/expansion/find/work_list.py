"""List of the series that need work. A few statements compare rules, rows and records, so a run
with nothing to do reads each table once and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from scheduler.expansion.find.restored_rows import RESTORED_SINCE
from scheduler.expansion.find.retries import due_retries, waiting
from scheduler.expansion.span import Span
from scheduler.rules import RuleColumns
from scheduler.site.absences import ABSENCES_OF, AWAY, JOIN_AWAY
from scheduler.site.series_people import enrolled_now, pause_reason, people_joins
from scheduler.site.session_times import (
    TAKES_TIME,
    readable_date,
    series_end,
    series_start,
    session_end,
    session_start,
)


@dataclass(frozen=True, slots=True)
class WorkList:
    """Result of the search.

    `work`: anchors of the series that need work, ascending, as the lower one wins where two rules
    collide (design, "Conflict").
    """

    work: list[int]
    seemingly: "SeeminglyRules"


@dataclass(frozen=True, slots=True)
class SeeminglyRules:
    """Rows that look as if they carried a rule although is_recurring is not true.

    Their number, and the columns of the newest by session id: a site may have thousands of them.
    """

    rows: int
    newest: dict[int, RuleColumns]


def find_changed_rules(conn: Connection, span: Span) -> WorkList:
    """Compare rules with their series, in one pass over tutor_sessions and one over series and
    occurrences. Writes nothing."""
    rules, people, absences, obstacles, restored, seemingly = map(text, questions_about_rules(span))
    dates = {"today": span.today, "first": span.first, "last": span.last}
    minutes = {"default_minutes": span.settings.default_duration_minutes}
    work = set(conn.scalars(rules, dates | {"context": span.context}))
    work |= set(conn.scalars(people)) | set(conn.scalars(absences))
    work |= set(conn.scalars(obstacles, dates | minutes))
    work |= set(conn.scalars(restored, dates))
    work = (work | due_retries(conn, span)) - waiting(conn, span)
    found = conn.execute(seemingly).one()
    newest = read_seemingly(conn, span, found.newest)
    return WorkList(sorted(work), SeeminglyRules(found.rows, newest))


def questions_about_rules(span: Span) -> tuple[str, str, str, str, str, str]:
    """The statements of `find_changed_rules`; its result depends on their answers alone."""
    return (
        _rules_changed(span),
        _people_changed(span),
        ABSENCES_CHANGED,
        _obstacle_gone(span),
        RESTORED_SINCE,
        SEEMINGLY_ROWS,
    )


def read_seemingly(conn: Connection, span: Span, ids: Sequence[int]) -> dict[int, RuleColumns]:
    """Columns of the rows `ids` that look as if they carried a rule, by session id.
    Index: primary key."""
    if not ids:
        return {}
    rows = conn.execute(text(READ_SEEMINGLY.format(columns=_rule_columns(span))), {"ids": [*ids]})
    return {row.id: RuleColumns(*row[1:]) for row in rows}


READ_SEEMINGLY = """
    SELECT t.id, {columns} FROM tutor_sessions t WHERE t.id = ANY(CAST(:ids AS bigint[]))"""


def _rule_columns(span: Span) -> str:
    return f"""{readable_date("t")} AS session_date, t.is_recurring,
               t.session_frequency::text AS frequency, t.recurring_pattern::text AS pattern,
               {span.catalog.read("t", "tutor_sessions", "package_duration")} AS package"""


# A row's xmin changes with every write of any column; `updated_at` is not always set by the site.
# The site may have no index on is_recurring, so the table is scanned.
def _rules_changed(span: Span) -> str:
    return """
    WITH anchor AS MATERIALIZED (
        SELECT t.id, t.xmin::text || ':' || :context AS seen
          FROM tutor_sessions t
         WHERE t.is_recurring)
    SELECT a.id
      FROM anchor a LEFT JOIN session_worker.series s ON s.anchor_id = a.id
     WHERE (
           s.anchor_id IS NULL OR s.seen <> a.seen
        OR s.state = 'ended' AND (s.ends_on IS NULL OR s.ends_on >= :today)
        OR s.state = 'active' AND (
               s.ends_on < :today OR s.planned_until IS NULL OR s.planned_from > :first
               OR s.planned_until < least(s.ends_on, :last)))
    UNION ALL
    SELECT s.anchor_id
      FROM session_worker.series s LEFT JOIN anchor a ON a.id = s.anchor_id
     WHERE a.id IS NULL AND s.state NOT IN ('stopped', 'ended')
    UNION ALL
    SELECT s.anchor_id FROM session_worker.series s
     WHERE s.state = 'stopped'
       AND (s.seen = '' OR NOT EXISTS (SELECT FROM tutor_sessions t WHERE t.id = s.anchor_id))"""


SEEMINGLY = """(
             t.recurring_pattern IS NOT NULL
                AND t.recurring_pattern::text NOT IN ('null', '{}', '[]', '""')
             OR t.session_frequency::text <> 'one-time'
                AND translate(lower(t.session_frequency::text), '-_ ', '')
                    NOT IN ('onetime', ''))"""
MOST_READ = 200
SEEMINGLY_ROWS = f"""
    WITH odd AS MATERIALIZED (
        SELECT t.id FROM tutor_sessions t WHERE t.is_recurring IS NOT TRUE AND {SEEMINGLY})
    SELECT (SELECT count(*) FROM odd) AS rows,
           ARRAY(SELECT id FROM odd ORDER BY id DESC LIMIT {MOST_READ}) AS newest"""


def _people_changed(span: Span) -> str:
    reason, enrolled = pause_reason(span.catalog, "s"), enrolled_now(span.catalog)
    return f"""
    SELECT s.anchor_id FROM session_worker.series s {people_joins(span.catalog, "s")}
     WHERE s.state IN ('active', 'paused')
       AND ((({reason}) IS NOT NULL) <> (s.state = 'paused') OR NOT s.enrolled AND {enrolled})"""


# Series that were expanded with other absences than now stand. One row a series; few absences.
ABSENCES_CHANGED = f"""
    WITH {AWAY}
    SELECT s.anchor_id FROM session_worker.series s {JOIN_AWAY}
     WHERE s.absences <> {ABSENCES_OF}"""


def _obstacle_gone(span: Span) -> str:
    """SQL of the anchors with a conflict whose obstacle is gone. Index: occurrence_open."""
    starts, ends = series_start("s", "o"), series_end("s", "o")
    return f"""
    SELECT DISTINCT o.anchor_id
      FROM session_worker.occurrence o
      JOIN session_worker.series s ON s.anchor_id = o.anchor_id AND s.state = 'active'
      LEFT JOIN tutor_sessions t ON t.id = o.blocked_by
     WHERE (o.state = 'conflict' OR o.blocked_by IS NOT NULL)
       AND o.occurs_on BETWEEN :today AND :last
       AND NOT coalesce({TAKES_TIME.format("t")}
           AND {session_start("t")} < {ends} AND {starts} < {session_end(span.catalog, "t")}
           AND (t.student_id = s.student_id OR t.tutor_id = s.tutor_id AND NOT (
                {session_start("t")} = {starts} AND {session_end(span.catalog, "t")} = {ends})),
           false)"""
