"""Audit of the existing rows: the worker made no duplicate and no overlap, and every date of every
rule has a row or a reason (promises 1 and 2). Duplicates and overlaps that people made are listed
as notes; the recorded values tell the two apart (docs/decisions/0001).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from models.catalog import read_catalog
from scheduler.expansion.chunk import BULK, HASH_ONLY, decide
from scheduler.expansion.columns import PLACING
from scheduler.expansion.find.gone_rows import COULD_NOT_FOLLOW, WHY_NOT
from scheduler.expansion.find.work_list import find_changed_rules
from scheduler.expansion.report import Tell, tell_nobody
from scheduler.expansion.span import Span
from scheduler.finding import Severity
from scheduler.settings import Settings
from scheduler.site.session_times import TAKES_TIME, readable_date, session_end, session_start

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One row or series that breaks a promise, or that people changed.

    `severity`: error, a fault of the worker that needs attention; warning, a row that could not
    follow its rule; note, a decision of people that the worker respects.
    """

    code: str
    severity: Severity
    session_id: int
    detail: str


def audit(
    engine: Engine, settings: Settings, as_of: datetime, tell: Tell = tell_nobody
) -> tuple[AuditFinding, ...]:
    """Every breach of promises 1 and 2, and what people changed, by code and session id.

    Empty where there is neither. `as_of` is aware. Writes nothing. `tell` takes the number of
    series whose dates were compared.
    """
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
        found = [
            *_doubled(conn, span),
            *_overlapping(conn, span),
            *_behind(conn, span),
            *_unaccounted(conn, span, tell),
            *(_fault("work_left", one, "the next expand looks at this series")
              for one in find_changed_rules(conn, span).work),
        ]  # fmt: skip
        conn.rollback()
    return tuple(sorted(found, key=lambda one: (one.code, one.session_id)))


def _fault(code: str, session_id: int, detail: str) -> AuditFinding:
    return AuditFinding(code, Severity.ERROR, session_id, detail)


# True where a row is as the worker placed it: made for a date, and since then not moved, not
# lengthened, not given to other people and not restored. Index: occurrence_session; primary keys.
AS_MADE = """EXISTS (
        SELECT FROM session_worker.occurrence o
          JOIN session_worker.series s ON s.anchor_id = o.anchor_id
          JOIN tutor_sessions t ON t.id = o.session_id
         CROSS JOIN LATERAL (SELECT s.written || coalesce(o.kept, '{{}}') AS written) w
         WHERE o.session_id = {0} AND o.state = 'created' AND t.session_date = o.occurs_on
           AND NOT coalesce(o.kept ? 'status', false)
           AND NOT EXISTS (SELECT FROM unnest(CAST(:placing AS text[])) k
                            WHERE to_jsonb(t)->k IS DISTINCT FROM w.written->k))"""
BOTH_AS_MADE = f"{AS_MADE.format('pair.id')} AND {AS_MADE.format('pair.other')}"


def _doubled(conn: Connection, span: Span) -> Iterator[AuditFinding]:
    dates = {"first": span.first, "last": span.last}
    for row in conn.execute(DOUBLED, dates | {"placing": list(PLACING)}):
        detail = f"same start as session {row.other}"
        if row.both_as_made:
            yield _fault("doubled", row.id, detail)
        else:
            detail += ": a person entered, moved or restored one of the two"
            yield AuditFinding("doubled", Severity.NOTE, row.id, detail)


# Two rows of the worker's must never have the same start, not even cancelled ones.
DOUBLED = text(f"""
    WITH pair AS MATERIALIZED (
        SELECT t.id, t2.id AS other, {TAKES_TIME.format("t")} AND {TAKES_TIME.format("t2")} AS live
          FROM session_worker.occurrence o
          JOIN tutor_sessions t ON t.id = o.session_id
          JOIN tutor_sessions t2 ON t2.tutor_id = t.tutor_id AND t2.student_id = t.student_id
           AND t2.session_date = t.session_date AND t2.start_time = t.start_time AND t2.id < t.id
         WHERE o.state = 'created' AND o.occurs_on BETWEEN :first AND :last),
    told AS MATERIALIZED (SELECT pair.*, {BOTH_AS_MADE} AS both_as_made FROM pair)
    SELECT DISTINCT ON (id) id, other, both_as_made FROM told WHERE live OR both_as_made
     ORDER BY id, both_as_made DESC, other""")


def _overlapping(conn: Connection, span: Span) -> list[AuditFinding]:
    rows = conn.execute(
        text(_overlaps(span)),
        {
            "first": span.first,
            "last": span.last,
            "default_minutes": span.settings.default_duration_minutes,
            "placing": list(PLACING),
        },
    )
    return [_fault("overlap", row.id, f"overlaps session {row.other}") for row in rows]


def _overlaps(span: Span) -> str:
    """SQL of the overlaps between two rows that the worker made and nobody changed.

    A tutor's rows of a day are paired within an array: of a join the planner, expecting few rows,
    may make a loop over all pairs of rows there are.
    """
    row = "unnest(g.ids, g.students, g.starts, g.ends)"
    return f"""
    WITH made AS (
        SELECT t.id, t.tutor_id, t.student_id, {session_start("t")} AS starts,
               {session_end(span.catalog, "t")} AS ends,
               {readable_date("t")} + later AS day
          FROM session_worker.occurrence o
          JOIN session_worker.series s ON s.anchor_id = o.anchor_id
          JOIN tutor_sessions t ON t.id = o.session_id
          CROSS JOIN (VALUES (0), (1)) AS l(later)
         WHERE o.state = 'created' AND o.occurs_on BETWEEN :first AND :last
           AND t.session_date = o.occurs_on AND {TAKES_TIME.format("t")}
           AND t.start_time = (coalesce(o.kept, '{{}}')->>'start_time')::time IS NOT TRUE
           AND t.start_time = (s.written->>'start_time')::time
           AND (later = 0 OR {session_end(span.catalog, "t")} > {readable_date("t")} + 1)),
    grouped AS (
        SELECT array_agg(id) AS ids, array_agg(student_id) AS students, array_agg(starts) AS starts,
               array_agg(ends) AS ends
          FROM made GROUP BY tutor_id, day HAVING count(*) > 1),
    pair AS MATERIALIZED (
        SELECT DISTINCT b.id, a.id AS other
          FROM grouped g CROSS JOIN LATERAL {row} AS a(id, student_id, starts, ends)
         CROSS JOIN LATERAL {row} AS b(id, student_id, starts, ends)
         WHERE a.id < b.id AND a.starts < b.ends AND b.starts < a.ends
           AND NOT (a.starts = b.starts AND a.ends = b.ends AND a.student_id <> b.student_id))
    SELECT id, min(other) AS other FROM pair WHERE {BOTH_AS_MADE} GROUP BY 1"""


def _behind(conn: Connection, span: Span) -> list[AuditFinding]:
    """Rows that could not follow a change of their rule, and so show outdated values.
    Index: occurrence's primary key."""
    rows = conn.execute(BEHIND, {"first": span.first, "last": span.last})
    return [
        AuditFinding("could_not_follow", Severity.WARNING, row.session_id, row.reason)
        for row in rows
    ]


BEHIND = text(f"""
    SELECT session_id, {WHY_NOT.format("o")} AS reason
      FROM session_worker.occurrence o
     WHERE {COULD_NOT_FOLLOW.format("o")} AND occurs_on BETWEEN :first AND :last""")


def _unaccounted(conn: Connection, span: Span, tell: Tell) -> list[AuditFinding]:
    """Dates of active rules without a record, read in pages to bound memory."""
    ids = conn.scalars(ACTIVE).all()
    found = []
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        if len(page) >= BULK:
            conn.execute(HASH_ONLY)
        decide(conn, span, page)
        found += [
            _fault("unaccounted", row.anchor_id, f"{row.dates} dates without row or reason")
            for row in conn.execute(UNACCOUNTED, _from_now_on(span))
        ]
        tell(start + len(page), len(ids))
    return found


def _from_now_on(span: Span) -> dict[str, object]:
    zone = span.settings.site_timezone
    return {"first": span.first, "last": span.last, "zone": zone, "as_of": span.as_of}


ACTIVE = text("""
    SELECT anchor_id FROM session_worker.series WHERE state = 'active' ORDER BY anchor_id""")
UNACCOUNTED = text("""
    SELECT w.anchor_id, count(*) AS dates FROM sw_wanted w JOIN sw_anchor a ON a.id = w.anchor_id
     WHERE w.occurs_on BETWEEN :first AND :last
       AND (w.occurs_on > :first
            OR session_worker.instant(w.occurs_on + a.start_time, :zone) > :as_of)
       AND NOT EXISTS (
        SELECT FROM session_worker.occurrence o
         WHERE o.anchor_id = w.anchor_id AND o.occurs_on = w.occurs_on)
     GROUP BY 1""")
