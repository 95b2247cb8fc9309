"""Which dates can have their row: adoption, conflicts, and who wins where new ones collide.

Design, "A generated row". Everything happens in temporary tables, a set at a time:
`sw_candidate`, the rows to make (`insert`), to bring back (`revive`) or to follow a new time
(`keep`); and `sw_near`, the sessions that stand around them.
"""

from sqlalchemy import Connection, text

from scheduler.expansion.columns import PLACING
from scheduler.expansion.span import Span
from scheduler.expansion.timing import LIVE, session_end, session_start, wall_end


def place_candidates(conn: Connection, span: Span) -> None:
    """Makes sw_candidate and gives each its verdict: `place`, `adopted` or `conflict`."""
    parameters = {
        "first": span.first,
        "last": span.last,
        "placing": list(PLACING),
        "default_minutes": span.settings.default_duration_minutes,
    }
    conn.execute(text(_make_candidates(span)), parameters)
    conn.execute(text("ANALYZE sw_candidate"))
    conn.execute(text(_make_near(span)), parameters)
    conn.execute(text("ANALYZE sw_near"))
    conn.execute(ADOPT)
    conn.execute(CONFLICT)
    conn.execute(MAKE_CLASHES)
    while conn.execute(PLACE_UNOPPOSED).rowcount:
        conn.execute(YIELD_TO_PLACED)
    conn.execute(text("ANALYZE sw_candidate"))


def _make_candidates(span: Span) -> str:
    """Dates without a row; rows that the worker cancelled and the rule names again; rows whose
    time or people change. Dates past the span are for rows that move: see `pair_moves`."""
    duration = span.catalog.read("{0}", "tutor_sessions", "duration")
    anchor_end = wall_end("w.occurs_on + a.start_time", "a.end_time", duration.format("a"))
    start, end, lasts = (
        _followed("start_time", "a.start_time", "t.start_time"),
        _followed("end_time", "a.end_time", "t.end_time"),
        _followed("duration", duration.format("a"), duration.format("t")),
    )
    return f"""
    CREATE TEMP TABLE sw_candidate ON COMMIT DROP AS
    SELECT w.anchor_id, w.occurs_on, 'insert' AS kind, NULL::bigint AS session_id,
           a.tutor_id, a.student_id, w.occurs_on AS on_date, a.start_time,
           w.occurs_on + a.start_time AS starts, {anchor_end} AS ends,
           '{{}}'::text[] AS loose, NULL::text AS verdict, NULL::bigint AS blocked_by,
           NULL::bigint AS blocked_anchor, NULL::date AS blocked_on, w.mark,
           w.occurs_on BETWEEN :first AND :last AS inside
      FROM sw_wanted w
      JOIN sw_anchor a ON a.id = w.anchor_id
      LEFT JOIN session_worker.occurrence o
        ON o.anchor_id = w.anchor_id AND o.occurs_on = w.occurs_on
     WHERE w.holiday IS NULL
       AND (o.anchor_id IS NULL OR o.state = 'conflict'
            OR o.state = 'skipped' AND o.session_id IS NULL)
    UNION ALL
    SELECT r.anchor_id, r.occurs_on, CASE r.state WHEN 'created' THEN 'keep' ELSE 'revive' END,
           r.session_id, {_followed("tutor_id", "a.tutor_id", "t.tutor_id")},
           {_followed("student_id", "a.student_id", "t.student_id")}, t.session_date, {start},
           t.session_date + {start}, {wall_end(f"t.session_date + {start}", end, lasts)},
           r.loose, CASE WHEN r.state = 'created' AND NOT r.loose && CAST(:placing AS text[])
                         THEN 'place' END,
           NULL, NULL, NULL, NULL, true
      FROM sw_row r
      JOIN sw_anchor a ON a.id = r.anchor_id
      JOIN tutor_sessions t ON t.id = r.session_id
     WHERE r.to_come AND r.target IS NOT NULL
       AND (r.state = 'created' AND r.loose <> '{{}}' AND (r.wanted OR NOT r.untouched)
            OR r.state = 'skipped' AND r.wanted AND r.untouched)"""


def _followed(column: str, anchor: str, row: str) -> str:
    return f"CASE WHEN '{column}' = ANY(r.loose) THEN {anchor} ELSE {row} END"


def _make_near(span: Span) -> str:
    """One pass over the sessions of the candidates' people around their dates."""
    return f"""
    CREATE TEMP TABLE sw_near ON COMMIT DROP AS
    WITH reach AS (SELECT min(on_date) - 1 AS first, max(on_date) + 1 AS last
                     FROM sw_candidate WHERE verdict IS NULL)
    SELECT t.id, t.tutor_id, t.student_id, t.session_date, t.start_time,
           {session_start("t")} AS starts, {session_end(span.catalog, "t")} AS ends,
           {LIVE.format("t")} AS live, r.anchor_id AS own
      FROM tutor_sessions t
      LEFT JOIN sw_row r ON r.session_id = t.id
     WHERE t.session_date BETWEEN (SELECT first FROM reach) AND (SELECT last FROM reach)
       AND (t.tutor_id IN (SELECT tutor_id FROM sw_candidate)
            OR t.student_id IN (SELECT student_id FROM sw_candidate))"""


# A row that is there for the same tutor, student, date and start is the occurrence.
ADOPT = text("""
    UPDATE sw_candidate c SET verdict = 'adopted', session_id = x.id
      FROM (SELECT c.anchor_id, c.occurs_on, min(n.id) AS id
              FROM sw_candidate c
              JOIN sw_near n ON n.tutor_id = c.tutor_id AND n.student_id = c.student_id
                            AND n.session_date = c.on_date AND n.start_time = c.start_time
             WHERE c.kind = 'insert' GROUP BY 1, 2) x
     WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on AND c.kind = 'insert'""")

# Overlaps are looked for by person and day, so that equality can hash: a session lasts at most 24
# hours and touches one day or two.
CONFLICT = text("""
    WITH wanted AS (
        SELECT c.*, c.starts::date + later AS day FROM sw_candidate c, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR c.ends > c.starts::date + 1) AND c.verdict IS NULL),
    standing AS (
        SELECT n.*, n.starts::date + later AS day FROM sw_near n, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR n.ends > n.starts::date + 1) AND n.live),
    in_the_way AS (
        SELECT c.anchor_id, c.occurs_on, c.kind, n.id
          FROM wanted c JOIN standing n ON n.tutor_id = c.tutor_id AND n.day = c.day
         WHERE n.starts < c.ends AND c.starts < n.ends
           AND n.own IS DISTINCT FROM c.anchor_id AND n.id IS DISTINCT FROM c.session_id
           AND NOT (n.starts = c.starts AND n.ends = c.ends AND n.student_id <> c.student_id)
        UNION ALL
        SELECT c.anchor_id, c.occurs_on, c.kind, n.id
          FROM wanted c JOIN standing n ON n.student_id = c.student_id AND n.day = c.day
         WHERE n.starts < c.ends AND c.starts < n.ends
           AND n.own IS DISTINCT FROM c.anchor_id AND n.id IS DISTINCT FROM c.session_id),
    lowest AS (SELECT anchor_id, occurs_on, kind, min(id) AS id FROM in_the_way GROUP BY 1, 2, 3)
    UPDATE sw_candidate c SET verdict = 'conflict', blocked_by = x.id
      FROM lowest x
     WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on AND c.kind = x.kind""")

# Pairs of candidates that cannot both stand: `winner` is the lower anchor.
MAKE_CLASHES = text("""
    CREATE TEMP TABLE sw_clash ON COMMIT DROP AS
    WITH wanted AS (
        SELECT c.*, c.starts::date + later AS day FROM sw_candidate c, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR c.ends > c.starts::date + 1) AND c.verdict IS NULL)
    SELECT DISTINCT w.anchor_id AS winner, w.occurs_on AS winner_on,
           l.anchor_id AS loser, l.occurs_on AS loser_on,
           w.tutor_id = l.tutor_id AND w.student_id = l.student_id
               AND w.on_date = l.on_date AND w.start_time = l.start_time AS same
      FROM wanted w
      JOIN wanted l ON l.day = w.day AND l.tutor_id = w.tutor_id AND l.anchor_id > w.anchor_id
     WHERE w.starts < l.ends AND l.starts < w.ends
       AND NOT (w.starts = l.starts AND w.ends = l.ends AND w.student_id <> l.student_id)
    UNION
    SELECT w.anchor_id, w.occurs_on, l.anchor_id, l.occurs_on,
           w.tutor_id = l.tutor_id AND w.student_id = l.student_id
               AND w.on_date = l.on_date AND w.start_time = l.start_time
      FROM wanted w
      JOIN wanted l ON l.day = w.day AND l.student_id = w.student_id AND l.anchor_id > w.anchor_id
     WHERE w.starts < l.ends AND l.starts < w.ends""")

# Round by round: who has no undecided rival before it is placed, and whoever it blocks yields. A
# candidate that lost its own date blocks nobody. One round unless rivals form a chain.
PLACE_UNOPPOSED = text("""
    UPDATE sw_candidate c SET verdict = 'place'
     WHERE c.verdict IS NULL AND NOT EXISTS (
        SELECT FROM sw_clash k
          JOIN sw_candidate w ON w.anchor_id = k.winner AND w.occurs_on = k.winner_on
         WHERE k.loser = c.anchor_id AND k.loser_on = c.occurs_on AND w.verdict IS NULL)""")
YIELD_TO_PLACED = text("""
    UPDATE sw_candidate c
       SET verdict = CASE WHEN k.same AND c.kind = 'insert' THEN 'adopted' ELSE 'conflict' END,
           blocked_anchor = k.winner, blocked_on = k.winner_on
      FROM (SELECT DISTINCT ON (k.loser, k.loser_on) k.*
              FROM sw_clash k
              JOIN sw_candidate w ON w.anchor_id = k.winner AND w.occurs_on = k.winner_on
             WHERE w.verdict = 'place'
             ORDER BY k.loser, k.loser_on, k.same DESC, k.winner, k.winner_on) k
     WHERE c.anchor_id = k.loser AND c.occurs_on = k.loser_on AND c.verdict IS NULL""")
