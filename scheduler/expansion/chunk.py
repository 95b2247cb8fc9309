"""One transaction of expansion: a number of series, from their anchors to their rows."""

from collections.abc import Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scheduler.expansion.following import align_written, write_standing, write_targets
from scheduler.expansion.placing import place_candidates
from scheduler.expansion.reading import SeriesNow, read_series, write_wanted
from scheduler.expansion.report import Failure, Written
from scheduler.expansion.span import Span
from scheduler.expansion.splitting import split_series
from scheduler.expansion.writing import forget_unwanted, pair_moves, write_rows

# Runs take turns, chunk by chunk: each sees what the one before committed, so that two at once
# write what one alone would. The wait is bounded; the connection's own lock_timeout is for rows.
TAKE_TURN = text("""
    SELECT set_config('lock_timeout', '240s', true),
           pg_advisory_xact_lock(hashtext('session_worker.expansion')),
           set_config('lock_timeout', current_setting('session_worker.lock_timeout'), true)""")
KEEP_TIMEOUT = text("""
    SELECT set_config('session_worker.lock_timeout', current_setting('lock_timeout'), true)""")


# Tables that this very transaction fills have no statistics that fit them; a loop that the planner
# chooses because it expects one row costs minutes where a hash costs milliseconds.
BULK = 200
HASH_ONLY = text("SET LOCAL enable_nestloop = off")


def take_turn(conn: Connection) -> None:
    """Waits for other expansions to finish their chunk; the turn ends with the transaction."""
    conn.execute(KEEP_TIMEOUT)
    conn.execute(TAKE_TURN)


def expand_chunk(conn: Connection, span: Span, ids: Sequence[int]) -> Written:
    """Brings the series of these anchors to what the design says. The caller commits."""
    take_turn(conn)
    series = decide(conn, span, ids)
    written, late = write_rows(conn, span)
    conn.execute(RECORD_SERIES, {"late": list(late)})
    _record_findings(conn, ids, series)
    return written


def expand_or_halve(
    conn: Connection, span: Span, ids: Sequence[int]
) -> tuple[Written, list[Failure]]:
    """expand_chunk, where one poisonous row fails alone: what fails is done again in halves."""
    if not ids:
        return Written(), []
    try:
        with conn.begin_nested():
            return expand_chunk(conn, span, ids), []
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if len(ids) == 1:
            return Written(), [Failure(ids[0], str(error.orig).strip().partition("\n")[0])]
    middle = len(ids) // 2
    first, first_failed = expand_or_halve(conn, span, ids[:middle])
    second, second_failed = expand_or_halve(conn, span, ids[middle:])
    return first + second, first_failed + second_failed


def decide(conn: Connection, span: Span, ids: Sequence[int]) -> list[SeriesNow]:
    """What is to be done for these anchors, in the temporary tables sw_*; no row is written yet.

    For a look alone, roll back after it.
    """
    conn.execute(DROP_TEMPORARY)
    if len(ids) >= BULK:
        conn.execute(HASH_ONLY)
    split_series(conn, ids)
    series = read_series(conn, span, ids)
    write_wanted(conn, span, series)
    _write_series(conn, series)
    align_written(conn, span, series)
    write_targets(conn, span, series)
    write_standing(conn, span, series)
    forget_unwanted(conn, series, span)
    place_candidates(conn, span)
    pair_moves(conn)
    return series


# A second chunk in one transaction starts anew.
DROP_TEMPORARY = text("""
    DROP TABLE IF EXISTS sw_anchor, sw_wanted, sw_series, sw_target, sw_row, sw_candidate, sw_near,
                         sw_clash, sw_change""")
MAKE_SERIES = text("""
    CREATE TEMP TABLE sw_series (
        anchor_id bigint PRIMARY KEY, state text, reason text, seen text, enrolled boolean,
        planned_from date, planned_until date
    ) ON COMMIT DROP""")
FILL_SERIES = text("""
    INSERT INTO sw_series
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]),
        CAST(:seen AS text[]), CAST(:enrolled AS boolean[]),
        CAST(:planned_from AS date[]), CAST(:planned_until AS date[]))""")


def _write_series(conn: Connection, series: Sequence[SeriesNow]) -> None:
    conn.execute(MAKE_SERIES)
    conn.execute(
        FILL_SERIES,
        {
            "ids": [one.anchor_id for one in series],
            "states": [one.state for one in series],
            "reasons": [one.reason for one in series],
            "seen": [one.seen for one in series],
            "enrolled": [one.enrolled for one in series],
            "planned_from": [one.planned_from for one in series],
            "planned_until": [one.planned_until for one in series],
        },
    )


# Index: primary key. A series with rows left over is not marked as seen.
RECORD_SERIES = text("""
    INSERT INTO session_worker.series AS s
           (anchor_id, state, reason, seen, tutor_id, student_id, written, enrolled,
            planned_from, planned_until)
    SELECT n.anchor_id, n.state, n.reason,
           CASE WHEN n.anchor_id = ANY(CAST(:late AS bigint[])) THEN '' ELSE n.seen END,
           coalesce(a.tutor_id, o.tutor_id), coalesce(a.student_id, o.student_id),
           coalesce(g.target, o.written, '{}'), n.enrolled, n.planned_from, n.planned_until
      FROM sw_series n
      LEFT JOIN sw_anchor a ON a.id = n.anchor_id
      LEFT JOIN sw_target g ON g.anchor_id = n.anchor_id
      LEFT JOIN session_worker.series o ON o.anchor_id = n.anchor_id
        ON CONFLICT (anchor_id) DO UPDATE
       SET state = excluded.state, reason = excluded.reason, seen = excluded.seen,
           tutor_id = excluded.tutor_id, student_id = excluded.student_id,
           written = excluded.written, enrolled = excluded.enrolled,
           planned_from = excluded.planned_from, planned_until = excluded.planned_until,
           changed_at = CASE WHEN s.state = excluded.state THEN s.changed_at ELSE now() END
     WHERE (s.state, s.reason, s.seen, s.tutor_id, s.student_id, s.written, s.enrolled,
            s.planned_from, s.planned_until) IS DISTINCT FROM
           (excluded.state, excluded.reason, excluded.seen, excluded.tutor_id,
            excluded.student_id, excluded.written, excluded.enrolled,
            excluded.planned_from, excluded.planned_until)""")

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


def _record_findings(conn: Connection, ids: Sequence[int], series: Sequence[SeriesNow]) -> None:
    found = [(one.anchor_id, finding) for one in series for finding in one.findings]
    parameters = {
        "ids": list(ids),
        "sessions": [anchor_id for anchor_id, _ in found],
        "codes": [finding.code for _, finding in found],
        "details": [finding.detail for _, finding in found],
    }
    conn.execute(DROP_FINDINGS, parameters)
    conn.execute(ADD_FINDINGS, parameters)
