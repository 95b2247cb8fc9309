"""Candidates: new rows, and existing rows that follow their series; and the sessions near them that
could be in conflict (design, "A generated row")."""

from sqlalchemy import Connection, text

from scheduler.expansion.span import Purpose, Span
from scheduler.site.session_times import (
    TAKES_TIME,
    readable_date,
    session_end,
    session_start,
    wall_end,
)


def find_candidates(conn: Connection, span: Span) -> int:
    """Fill sw_candidate and sw_near. Returns the number of rows of sw_near."""
    parameters = {
        "first": span.first,
        "last": span.last,
        "refill": span.purpose is Purpose.REFILL,
        "past": span.only_fills,
        "today": span.today,
        "zone": span.settings.site_timezone,
        "as_of": span.as_of,
        "default_minutes": span.settings.default_duration_minutes,
    }
    conn.execute(text(_find_candidates(span)), parameters)
    conn.execute(text("ANALYZE sw_candidate (anchor_id, occurs_on, tutor_id, student_id)"))
    near = conn.execute(text(_find_near(span)), parameters).rowcount
    if near:
        conn.execute(text("ANALYZE sw_near (tutor_id, student_id, session_date)"))
    return near


def _find_candidates(span: Span) -> str:
    """SQL of the candidates: dates without a row, rows that the worker cancelled and the rule names
    again, and rows whose columns change.

    A date of today counts only before its start. A row that is not live takes no time, and so is
    never in conflict.
    """
    duration = span.catalog.read("{0}", "tutor_sessions", "duration")
    anchor_end = wall_end("w.occurs_on + a.start_time", "a.end_time", duration.format("a"))
    start, end, lasts = (
        _followed("start_time", "a.start_time", "t.start_time"),
        _followed("end_time", "a.end_time", "t.end_time"),
        _followed("duration", duration.format("a"), duration.format("t")),
    )
    day = readable_date("t")
    return f"""
    INSERT INTO sw_candidate (
           anchor_id, occurs_on, kind, session_id, tutor_id, student_id, on_date, start_time,
           starts, ends, loose, verdict, mark, shifts, settled, recorded, inside)
    SELECT w.anchor_id, w.occurs_on, 'insert', NULL,
           a.tutor_id, a.student_id, w.occurs_on, a.start_time,
           w.occurs_on + a.start_time, {anchor_end}, '{{}}'::text[], 'place', w.mark, false, false,
           o.anchor_id IS NOT NULL, w.occurs_on BETWEEN :first AND :last
      FROM sw_wanted w
      JOIN sw_anchor a ON a.id = w.anchor_id
      LEFT JOIN session_worker.occurrence o
        ON o.anchor_id = w.anchor_id AND o.occurs_on = w.occurs_on
     WHERE w.holiday IS NULL
       AND (o.anchor_id IS NULL OR o.state = 'conflict'
            OR o.state = 'skipped' AND o.session_id IS NULL AND o.stands_for IS NULL
            OR o.state = 'deleted' AND :refill)
       AND (:past OR w.occurs_on > :today
            OR session_worker.instant(w.occurs_on + a.start_time, :zone) > :as_of)
       AND (w.occurs_on BETWEEN :first AND :last
            OR w.anchor_id IN (SELECT anchor_id FROM sw_row WHERE leaves AND holiday IS NULL))
    UNION ALL
    SELECT r.anchor_id, r.occurs_on, CASE r.state WHEN 'created' THEN 'keep' ELSE 'revive' END,
           r.session_id, {_followed("tutor_id", "a.tutor_id", "t.tutor_id")},
           {_followed("student_id", "a.student_id", "t.student_id")}, t.session_date, {start},
           {day} + {start}, {wall_end(f"{day} + {start}", end, lasts)},
           r.loose, 'place', r.mark, r.shifts AND r.state = 'created',
           r.state = 'created' AND NOT (r.shifts AND r.live), false, true
      FROM sw_row r
      LEFT JOIN sw_anchor a ON a.id = r.anchor_id
      JOIN tutor_sessions t ON t.id = r.session_id
     WHERE r.returns
        OR r.target IS NOT NULL AND r.state = 'created' AND r.loose <> '{{}}' AND NOT r.leaves"""


def _followed(column: str, anchor: str, row: str) -> str:
    return f"CASE WHEN '{column}' = ANY(r.loose) THEN {anchor} ELSE {row} END"


def _find_near(span: Span) -> str:
    """SQL of the sessions of the candidates' people around their dates, in one pass. A row of any
    series that leaves its date or time in this run is no obstacle."""
    return f"""
    INSERT INTO sw_near
    WITH reach AS (SELECT min(on_date) - 1 AS first, max(on_date) + 1 AS last
                     FROM sw_candidate WHERE NOT settled),
    yielding AS (
        SELECT session_id FROM sw_row WHERE leaves
         UNION
        SELECT session_id FROM sw_candidate WHERE shifts)
    SELECT t.id, t.tutor_id, t.student_id, t.session_date, t.start_time,
           {session_start("t")}, {session_end(span.catalog, "t")},
           {TAKES_TIME.format("t")}, t.is_recurring IS TRUE, y.session_id IS NOT NULL
      FROM tutor_sessions t
      LEFT JOIN yielding y ON y.session_id = t.id
     WHERE t.session_date BETWEEN (SELECT first FROM reach) AND (SELECT last FROM reach)
       AND (t.tutor_id IN (SELECT tutor_id FROM sw_candidate)
            OR t.student_id IN (SELECT student_id FROM sw_candidate))"""
