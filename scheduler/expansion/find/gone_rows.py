"""Detection of rows that people deleted, and of deleted rows that they entered again by hand."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span

OCCURRENCES = ("created", "adopted", "conflict", "deleted", "skipped")

# A row that could not follow its series to a new time or new people counts as a conflict; it still
# exists.
STATE = """CASE WHEN {0}.state = 'created' AND {0}.blocked_by IS NOT NULL THEN 'conflict'
                 ELSE {0}.state END"""

# True of an occurrence whose row stands, but could not follow a change of its rule: it still has
# the former time or people (design, "Movers").
COULD_NOT_FOLLOW = """({0}.state = 'created'
    AND ({0}.blocked_by IS NOT NULL OR {0}.reason LIKE 'refused by the site%'))"""
WHY_NOT = """CASE WHEN {0}.blocked_by IS NOT NULL
    THEN 'conflict with session ' || {0}.blocked_by ELSE {0}.reason END"""


@dataclass(frozen=True, slots=True)
class GoneRows:
    """Counts of the span's occurrences by state. `changed`: rows were deleted or entered again."""

    counts: dict[str, int]
    changed: bool


def find_gone_rows(conn: Connection, span: Span) -> GoneRows:
    """Count occurrences and detect gone rows, in one pass over the coming occurrences and the ids
    of tutor_sessions. Writes nothing."""
    rows = conn.execute(
        text(STAND), {"today": span.today, "first": span.first, "last": span.last}
    ).all()
    gone = any(row.gone for row in rows)
    back = conn.scalar(text(ROW_BACK), {"today": span.today}) is not None
    counts = dict.fromkeys(OCCURRENCES, 0) | {row.state: row.inside for row in rows}
    return GoneRows(counts, gone or back)


STAND = f"""
    SELECT {STATE.format("o")} AS state,
           count(*) FILTER (WHERE o.occurs_on BETWEEN :first AND :last) AS inside,
           count(*) FILTER (WHERE t.id IS NULL AND o.session_id IS NOT NULL
                              AND o.state <> 'deleted') AS gone
      FROM session_worker.occurrence o
      LEFT JOIN tutor_sessions t ON t.id = o.session_id
     WHERE o.occurs_on >= :today GROUP BY 1"""

# A date without a row, and an existing row that fits it and was not made by another series.
# Index: occurrence_open; occurrence_session.
BACK = """
      FROM session_worker.occurrence o
      JOIN session_worker.series s ON s.anchor_id = o.anchor_id
      JOIN tutor_sessions t
        ON t.tutor_id = s.tutor_id AND t.student_id = s.student_id
       AND t.session_date = o.occurs_on AND t.start_time = (s.written->>'start_time')::time
     WHERE t.id <> o.anchor_id AND (o.state IN ('conflict', 'deleted') OR o.blocked_by IS NOT NULL)
       AND o.state IN ('conflict', 'deleted') AND o.occurs_on >= :today
       AND NOT EXISTS (SELECT FROM session_worker.occurrence p
                        WHERE p.session_id = t.id AND p.state IN ('created', 'skipped'))"""
ROW_BACK = f"SELECT 1 {BACK} LIMIT 1"
QUESTIONS_ABOUT_ROWS = STAND, ROW_BACK


def record_rows(conn: Connection, span: Span) -> None:
    """Record rows that are gone or back, as states of their occurrences.

    created, adopted, skipped → deleted where the row is gone: the date is not filled again.
    deleted, conflict → adopted where a person entered a row. deleted → created where the generated
    row itself is back (a table was reloaded, or rows were hidden for a while).
    """
    conn.execute(RECORD_GONE, {"today": span.today})
    conn.execute(text(RECORD_BACK), {"today": span.today})


RECORD_GONE = text("""
    UPDATE session_worker.occurrence o
       SET state = 'deleted', blocked_by = NULL, absence = NULL,
           reason = CASE o.state WHEN 'created' THEN 'row deleted'
                                 WHEN 'adopted' THEN 'adopted row deleted'
                                 ELSE 'cancelled row deleted' END
     WHERE o.state IN ('created', 'adopted', 'skipped') AND o.session_id IS NOT NULL
       AND o.occurs_on >= :today
       AND NOT EXISTS (SELECT FROM tutor_sessions t WHERE t.id = o.session_id)""")
RECORD_BACK = f"""
    UPDATE session_worker.occurrence o
       SET state = CASE WHEN x.id = o.session_id AND o.reason = 'row deleted' THEN 'created'
                        ELSE 'adopted' END,
           session_id = x.id, blocked_by = NULL,
           reason = CASE WHEN x.rules THEN 'carries a rule of its own' END
      FROM (SELECT DISTINCT ON (o.anchor_id, o.occurs_on) o.anchor_id, o.occurs_on, t.id,
                   t.is_recurring IS TRUE AS rules
            {BACK} ORDER BY o.anchor_id, o.occurs_on, t.id) x
     WHERE o.anchor_id = x.anchor_id AND o.occurs_on = x.occurs_on"""
