"""Expansion of one chunk of series, from their anchors to their rows, in one transaction."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from scheduler.expansion.find.restored_rows import adopt_restored
from scheduler.expansion.find.retries import record_refused
from scheduler.expansion.plan.candidates import find_candidates
from scheduler.expansion.plan.closed_dates import find_closed, forget_unwanted
from scheduler.expansion.plan.covered_dates import NO_DATES, Dates, find_standing
from scheduler.expansion.plan.entangled_series import find_companions, find_entangled
from scheduler.expansion.plan.existing_rows import compare_rows, hold_rows
from scheduler.expansion.plan.row_changes import plan_changes
from scheduler.expansion.plan.series_now import SeriesNow, read_series
from scheduler.expansion.plan.site_shape import align_written, note_shape
from scheduler.expansion.plan.tables import make_tables
from scheduler.expansion.plan.verdicts import judge_candidates
from scheduler.expansion.plan.wanted_dates import write_series
from scheduler.expansion.report import Failure, Written
from scheduler.expansion.span import Purpose, Span
from scheduler.expansion.write.continued_series import split_series, undo_splits
from scheduler.expansion.write.rows import write_rows
from scheduler.rules import Finding
from scheduler.turns import commit_without_flush, wait_expansion_turn

# The transaction fills the tables that it reads, so the planner knows little about them. Where it
# expects one row, it may choose a nested loop that takes minutes instead of a hash's milliseconds.
BULK = 200
HASH_ONLY = text("""
    SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '32MB', true)""")
FEW_STATISTICS = text("SET LOCAL default_statistics_target = 10")

MOST_TOGETHER = 6_000  # series in one transaction, including those drawn in from later chunks


class RowsHeld(Exception):
    """Another transaction holds rows of the series that an admin ends. One line with a cure."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Sum of what chunks did. `again`: another pass can use places that they freed.

    `together`: the anchors that were judged, including those drawn in from later chunks.
    """

    written: Written = field(default_factory=Written)
    failed: tuple[Failure, ...] = ()
    again: bool = False
    together: frozenset[int] = frozenset()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.written + other.written,
            self.failed + other.failed,
            self.again or other.again,
            self.together | other.together,
        )


def expand_chunk(
    conn: Connection, span: Span, ids: Sequence[int], later: Sequence[int] = ()
) -> Outcome:
    """Bring the rows of these anchors' series in line with their rules. The caller commits.

    `later`: anchors with work whose turn is still to come. Those whose rows are in the way of rows
    of this chunk that are to move are drawn into it. Raises RowsHeld where an admin ends a series
    and some of its rows cannot be locked.
    """
    wait_expansion_turn(conn)
    # A crash of the server may lose the last chunks, each as a whole; the next run redoes them.
    commit_without_flush(conn)
    with_companions = [*ids, *_companions(conn, span, ids)]
    decision = _decide_together(conn, span, with_companions, later, _compare_and_hold)
    note_shape(conn, span)
    written, left, again = write_rows(conn, span, decision.rows)
    late = decision.late | left
    if span.purpose is Purpose.ENDING and not late.isdisjoint(ids):
        raise RowsHeld("another transaction holds rows of the series: try again in a moment.")
    conn.execute(text(_record_series(span)), {"late": list(late), "shape": span.catalog.signature})
    tried = [*ids, *(one.anchor_id for one in decision.series)]
    refused = conn.execute(REFUSED, {"today": span.today}).all()
    _record_findings(conn, tried, _findings(decision.series, refused))
    if span.purpose is Purpose.AHEAD:
        record_refused(conn, span, [one.anchor_id for one in refused], tried)
    failed = tuple(Failure(one.anchor_id, one.words) for one in refused if not one.stands)
    return Outcome(written, failed, again or bool(decision.ended), decision.together)


# What the site refused of each series, and if the series has other rows.
# Index: primary key of occurrence.
REFUSED = text("""
    SELECT r.anchor_id, min(r.words) AS words, count(*) AS dates,
           EXISTS (SELECT FROM session_worker.occurrence o
                    WHERE o.anchor_id = r.anchor_id AND o.session_id IS NOT NULL
                      AND o.occurs_on >= :today) AS stands
      FROM sw_refused r GROUP BY 1 ORDER BY 1""")


def _findings(
    series: Sequence[SeriesNow], refused: Sequence[Row[tuple[int, str, int, bool]]]
) -> list[tuple[int, Finding]]:
    found = [(one.anchor_id, finding) for one in series for finding in one.findings]
    for one in refused:
        finding = Finding("not_expanded", one.words)
        if one.stands:
            finding = Finding("dates_refused", f"{one.dates}: {one.words}")
        found.append((one.anchor_id, finding))
    return found


def expand_or_halve(conn: Connection, span: Span, ids: Sequence[int]) -> Outcome:
    """expand_chunk, repeated in halves where it fails, so that only the faulty series fails."""
    if not ids:
        return Outcome()
    try:
        with conn.begin_nested():
            return expand_chunk(conn, span, ids)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if len(ids) == 1:
            return remember_failure(conn, span, ids[0], error)
    middle = len(ids) // 2
    first = expand_or_halve(conn, span, ids[:middle])
    return first + expand_or_halve(conn, span, ids[middle:])


# The next run that expands the series replaces its findings, this one included.
REMEMBER_FAILURE = text("""
    WITH forgotten AS (
        DELETE FROM session_worker.finding
         WHERE session_id = :id AND code = 'not_expanded' AND detail <> :words)
    INSERT INTO session_worker.finding (session_id, code, detail)
    VALUES (:id, 'not_expanded', :words) ON CONFLICT DO NOTHING""")


def remember_failure(conn: Connection, span: Span, anchor_id: int, error: DBAPIError) -> Outcome:
    """Record a failed series as a finding, which stays until the series is expanded.

    Where the role may not even write findings, the returned failure says so.
    """
    words = str(error.orig).strip().partition("\n")[0]
    with suppress(DBAPIError), conn.begin_nested():
        conn.execute(REMEMBER_FAILURE, {"id": anchor_id, "words": words})
        record_refused(conn, span, [anchor_id], [anchor_id])
    return Outcome(failed=(Failure(anchor_id, words),))


@dataclass(frozen=True, slots=True)
class Decision:
    """The series as they are now, and how many rows the changed ones have.

    Also the anchors of series that end because one of their rows now carries a rule, or that
    continue because it no longer does; `late`: the anchors of series with rows that others hold;
    `together`: all anchors that were judged.
    """

    series: Sequence[SeriesNow]
    rows: int
    ended: frozenset[int]
    late: frozenset[int] = frozenset()
    together: frozenset[int] = frozenset()


def decide(conn: Connection, span: Span, ids: Sequence[int], later: Sequence[int] = ()) -> Decision:
    """Fill the plan's temporary tables for these anchors. No row of the site's is written yet.

    `later`: as for expand_chunk. For a dry run, roll back afterwards.
    """
    return _decide_together(conn, span, ids, later, _compare)


Compare = Callable[[Connection, Span, Sequence[int]], Decision]


def _decide_together(
    conn: Connection, span: Span, ids: Sequence[int], later: Sequence[int], compare: Compare
) -> Decision:
    """Judge these series. While rows of series in `later` are in the way of rows that are to move,
    start anew with those series added, and with their companions."""
    together, waiting = list(ids), set(later).difference(ids)
    while True:
        savepoint = conn.begin_nested()
        decision = compare(conn, span, together)
        _judge(conn, span, decision.series)
        room = max(MOST_TOGETHER - len(together), 0) if decision.rows else 0
        entangled = find_entangled(conn, waiting)[:room] if waiting and room else []
        if not entangled:
            savepoint.commit()
            plan_changes(conn, span)
            return replace(decision, together=frozenset(together))
        savepoint.rollback()
        together += entangled
        together += _companions(conn, span, together)
        waiting.difference_update(together)


def _companions(conn: Connection, span: Span, ids: Sequence[int]) -> Sequence[int]:
    """Add no series to what an admin asked for."""
    return find_companions(conn, ids) if span.purpose is Purpose.AHEAD else ()


def _compare_and_hold(conn: Connection, span: Span, ids: Sequence[int]) -> Decision:
    decision = _compare(conn, span, ids)
    return replace(decision, late=hold_rows(conn, span)) if decision.rows else decision


def _compare(conn: Connection, span: Span, ids: Sequence[int]) -> Decision:
    make_tables(conn, span)
    conn.execute(FEW_STATISTICS)
    ended = undo_splits(conn, span, ids) | split_series(conn, span, ids)
    adopt_restored(conn, ids)
    if len(ids) >= BULK:
        conn.execute(HASH_ONLY)
    series, rows = _read_and_compare(conn, span, ids)
    left_out = {one.anchor_id: one.left_out for one in series if one.left_out}
    if rows and left_out and (standing := find_standing(conn, left_out)):
        make_tables(conn, span)
        series, rows = _read_and_compare(conn, span, ids, standing)
    return Decision(series, rows, ended)


def _read_and_compare(
    conn: Connection, span: Span, ids: Sequence[int], standing: Dates = NO_DATES
) -> tuple[Sequence[SeriesNow], int]:
    """The series, and the number of their rows. `standing`: as for read_series."""
    series = read_series(conn, span, ids, standing)
    write_series(conn, span, series)
    align_written(conn, span, series)
    return series, compare_rows(conn, span, series)


def _judge(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    find_closed(conn, span, series)
    forget_unwanted(conn, series, span)
    near = find_candidates(conn, span)
    judge_candidates(conn, span, near)


# Index: primary key. A series with rows that could not be written is not marked as seen.
def _record_series(span: Span) -> str:
    return f"""
    INSERT INTO session_worker.series AS s
           (anchor_id, state, reason, seen, tutor_id, student_id, written, enrolled,
            planned_from, planned_until, shape, absences)
    SELECT n.anchor_id, n.state, n.reason,
           CASE WHEN n.anchor_id = ANY(CAST(:late AS bigint[])) THEN '' ELSE n.seen END,
           coalesce(a.tutor_id, o.tutor_id), coalesce(a.student_id, o.student_id),
           CASE n.state WHEN 'active' THEN {span.columns.target("a")}
                        ELSE coalesce(o.written, '{{}}') END,
           n.enrolled, n.planned_from, n.planned_until, :shape, n.absences
      FROM sw_series n
      LEFT JOIN sw_anchor a ON a.id = n.anchor_id
      LEFT JOIN session_worker.series o ON o.anchor_id = n.anchor_id
        ON CONFLICT (anchor_id) {UPDATE_NOTHING if span.only_fills else UPDATE_SERIES}"""


# A backfill leaves changes of a series to the next expansion.
UPDATE_NOTHING = "DO NOTHING"
UPDATE_SERIES = """DO UPDATE
       SET state = excluded.state, reason = excluded.reason, seen = excluded.seen,
           tutor_id = excluded.tutor_id, student_id = excluded.student_id,
           written = excluded.written, enrolled = excluded.enrolled,
           planned_from = excluded.planned_from, planned_until = excluded.planned_until,
           shape = excluded.shape, absences = excluded.absences,
           changed_at = CASE WHEN s.state = excluded.state THEN s.changed_at ELSE now() END
     WHERE (s.state, s.reason, s.seen, s.tutor_id, s.student_id, s.written, s.enrolled,
            s.planned_from, s.planned_until, s.shape, s.absences) IS DISTINCT FROM
           (excluded.state, excluded.reason, excluded.seen, excluded.tutor_id,
            excluded.student_id, excluded.written, excluded.enrolled,
            excluded.planned_from, excluded.planned_until, excluded.shape,
            excluded.absences)"""


DROP_FINDINGS = text("""
    DELETE FROM session_worker.finding f
     WHERE f.session_id = ANY(CAST(:ids AS bigint[])) AND NOT EXISTS (
        SELECT FROM unnest(CAST(:sessions AS bigint[]), CAST(:codes AS text[]),
                           CAST(:details AS text[])) AS n(session_id, code, detail)
         WHERE (n.session_id, n.code, n.detail) = (f.session_id, f.code, f.detail))""")
ADD_FINDINGS = text("""
    INSERT INTO session_worker.finding (session_id, code, detail)
    SELECT * FROM unnest(CAST(:sessions AS bigint[]), CAST(:codes AS text[]),
                         CAST(:details AS text[]))
        ON CONFLICT DO NOTHING""")


def _record_findings(
    conn: Connection, ids: Sequence[int], found: Sequence[tuple[int, Finding]]
) -> None:
    parameters = {
        "ids": list(ids),
        "sessions": [anchor_id for anchor_id, _ in found],
        "codes": [finding.code for _, finding in found],
        "details": [finding.detail for _, finding in found],
    }
    conn.execute(DROP_FINDINGS, parameters)
    conn.execute(ADD_FINDINGS, parameters)
