"""Rules → rows of tutor_sessions: planned in sets, written in sets (promises 1 and 2).

Every run compares what stands with what the rules say and writes the difference, so any number of
runs, at once and after any crash, leaves the same rows.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, text

from models.catalog import read_catalog
from scheduler.expansion.attention import needing_work
from scheduler.expansion.chunk import expand_or_halve, take_turn
from scheduler.expansion.report import ExpansionReport, Failure, Written, make_report
from scheduler.expansion.span import Span
from scheduler.settings import Settings

CHUNK = 2_000  # series in one transaction: flat memory, short turns
PASSES = 4  # what one pass frees, the next fills

__all__ = ["ExpansionReport", "expand"]


def expand(engine: Engine, settings: Settings, as_of: datetime) -> ExpansionReport:
    """Fills the dates from today to EXPAND_DAYS ahead, as seen at `as_of` (aware).

    Raises SiteMismatch where the database is not the site's. Series that fail are in the report's
    `failed`; the others are done.
    """
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
    written, failed = Written(), dict[int, Failure]()
    done: list[int] = []
    for _ in range(PASSES):
        ids = [one for one in _look(engine, span) if one not in failed]
        if not ids or ids == done:
            break
        rows, failures = expand_ids(engine, span, ids)
        written, done = written + rows, ids
        failed |= {one.anchor_id: one for one in failures}
    with engine.connect() as conn:
        return make_report(conn, span, written, list(failed.values()))


def _look(engine: Engine, span: Span) -> list[int]:
    with engine.begin() as conn:
        gone = conn.scalar(text(ROW_GONE), {"today": span.today}) is not None
        back = conn.scalar(text(ROW_BACK), {"today": span.today}) is not None
    if gone or back:
        with engine.begin() as conn:
            take_turn(conn)
            conn.execute(text(RECORD_GONE), {"today": span.today})
            conn.execute(text(RECORD_BACK), {"today": span.today})
    with engine.connect() as conn:
        return needing_work(conn, span)


# Whether a row that stood was deleted since: its date is not filled again.
GONE = """
      FROM session_worker.occurrence o
     WHERE o.state IN ('created', 'adopted', 'skipped') AND o.session_id IS NOT NULL
       AND o.occurs_on >= :today
       AND NOT EXISTS (SELECT FROM tutor_sessions t WHERE t.id = o.session_id)"""
ROW_GONE = f"SELECT 1 {GONE} LIMIT 1"
RECORD_GONE = f"""
    UPDATE session_worker.occurrence
       SET state = 'deleted', reason = 'row deleted', blocked_by = NULL
     WHERE (anchor_id, occurs_on) IN (SELECT o.anchor_id, o.occurs_on {GONE})"""

# Whether somebody entered by hand the row of a date that has none. Index: occurrence_open.
BACK = """
      FROM session_worker.occurrence o
      JOIN session_worker.series s ON s.anchor_id = o.anchor_id
      JOIN tutor_sessions t
        ON t.tutor_id = s.tutor_id AND t.student_id = s.student_id
       AND t.session_date = o.occurs_on AND t.start_time = (s.written->>'start_time')::time
     WHERE (o.state IN ('conflict', 'deleted') OR o.blocked_by IS NOT NULL)
       AND o.state IN ('conflict', 'deleted') AND o.occurs_on >= :today"""
ROW_BACK = f"SELECT 1 {BACK} LIMIT 1"
RECORD_BACK = f"""
    UPDATE session_worker.occurrence o
       SET state = 'adopted', session_id = x.id, reason = NULL, blocked_by = NULL
      FROM (SELECT o.anchor_id, o.occurs_on, min(t.id) AS id {BACK} GROUP BY 1, 2) x
     WHERE o.anchor_id = x.anchor_id AND o.occurs_on = x.occurs_on"""


def expand_ids(engine: Engine, span: Span, ids: Sequence[int]) -> tuple[Written, list[Failure]]:
    """Expands these anchors in committed chunks."""
    written, failures = Written(), list[Failure]()
    for start in range(0, len(ids), CHUNK):
        with engine.begin() as conn:
            rows, failed = expand_or_halve(conn, span, ids[start : start + CHUNK])
        written += rows
        failures += failed
    return written, failures
