"""Which dates can have their row: adoption, conflicts, and who wins where new ones collide.

Design, "A generated row". Everything happens in the tables of the plan, a set at a time. A
candidate is placed unless something speaks against it.
"""

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span
from scheduler.site.session_times import TAKES_TIME, session_end, session_start, wall_end


def place_candidates(conn: Connection, span: Span, rows: int) -> None:
    """Fills sw_candidate and gives each its verdict: `place`, `adopted` or `conflict`.

    `rows`: how many sw_row has.
    """
    parameters = {
        "first": span.first,
        "last": span.last,
        "default_minutes": span.settings.default_duration_minutes,
    }
    conn.execute(text(_find_candidates(span)), parameters)
    conn.execute(text("ANALYZE sw_candidate (anchor_id, occurs_on, tutor_id, student_id)"))
    if conn.execute(text(_find_near(span)), parameters).rowcount:
        conn.execute(text("ANALYZE sw_near (tutor_id, student_id, session_date)"))
        conn.execute(ADOPT)
        conn.execute(CONFLICT)
    if conn.execute(FIND_CLASHES).rowcount:
        _decide_clashes(conn)
    while rows and conn.execute(STAY_CLEAR_OF_OWN).rowcount:
        pass


def _find_candidates(span: Span) -> str:
    """Dates without a row; rows that the worker cancelled and the rule names again; rows whose
    time or people change."""
    duration = span.catalog.read("{0}", "tutor_sessions", "duration")
    anchor_end = wall_end("w.occurs_on + a.start_time", "a.end_time", duration.format("a"))
    start, end, lasts = (
        _followed("start_time", "a.start_time", "t.start_time"),
        _followed("end_time", "a.end_time", "t.end_time"),
        _followed("duration", duration.format("a"), duration.format("t")),
    )
    return f"""
    INSERT INTO sw_candidate
    SELECT w.anchor_id, w.occurs_on, 'insert' AS kind, NULL::bigint AS session_id,
           a.tutor_id, a.student_id, w.occurs_on AS on_date, a.start_time,
           w.occurs_on + a.start_time AS starts, {anchor_end} AS ends,
           '{{}}'::text[] AS loose, 'place' AS verdict, NULL::bigint AS blocked_by,
           NULL::bigint AS blocked_anchor, NULL::date AS blocked_on, w.mark, false AS settled,
           o.anchor_id IS NOT NULL AS recorded, w.occurs_on BETWEEN :first AND :last AS inside
      FROM sw_wanted w
      JOIN sw_anchor a ON a.id = w.anchor_id
      LEFT JOIN session_worker.occurrence o
        ON o.anchor_id = w.anchor_id AND o.occurs_on = w.occurs_on
     WHERE w.holiday IS NULL
       AND (o.anchor_id IS NULL OR o.state = 'conflict'
            OR o.state = 'skipped' AND o.session_id IS NULL)
       AND (w.occurs_on BETWEEN :first AND :last
            OR w.anchor_id IN (SELECT anchor_id FROM sw_row WHERE leaves AND holiday IS NULL))
    UNION ALL
    SELECT r.anchor_id, r.occurs_on, CASE r.state WHEN 'created' THEN 'keep' ELSE 'revive' END,
           r.session_id, {_followed("tutor_id", "a.tutor_id", "t.tutor_id")},
           {_followed("student_id", "a.student_id", "t.student_id")}, t.session_date, {start},
           t.session_date + {start}, {wall_end(f"t.session_date + {start}", end, lasts)},
           r.loose, 'place', NULL, NULL, NULL, r.mark,
           r.state = 'created' AND NOT (r.shifts AND r.live), false, true
      FROM sw_row r
      JOIN sw_anchor a ON a.id = r.anchor_id
      JOIN tutor_sessions t ON t.id = r.session_id
     WHERE r.to_come AND r.target IS NOT NULL
       AND (r.state = 'created' AND r.loose <> '{{}}' AND NOT r.leaves
            OR r.state = 'skipped' AND r.wanted AND r.untouched)"""


def _followed(column: str, anchor: str, row: str) -> str:
    return f"CASE WHEN '{column}' = ANY(r.loose) THEN {anchor} ELSE {row} END"


def _find_near(span: Span) -> str:
    """One pass over the sessions of the candidates' people around their dates.

    `own`: the series that the row is of, where it makes room in this run: it leaves, or moves to
    another time together with the other rows. It is in the way of other series all the same."""
    return f"""
    INSERT INTO sw_near
    WITH reach AS (SELECT min(on_date) - 1 AS first, max(on_date) + 1 AS last
                     FROM sw_candidate WHERE NOT settled),
    yielding AS (
        SELECT session_id, anchor_id, true AS leaves FROM sw_row WHERE leaves
        UNION ALL
        SELECT session_id, anchor_id, false FROM sw_candidate WHERE kind = 'keep' AND NOT settled)
    SELECT t.id, t.tutor_id, t.student_id, t.session_date, t.start_time,
           {session_start("t")} AS starts, {session_end(span.catalog, "t")} AS ends,
           {TAKES_TIME.format("t")} AS live, t.is_recurring IS TRUE AS rules,
           y.anchor_id AS own, coalesce(y.leaves, false) AS leaves
      FROM tutor_sessions t
      LEFT JOIN yielding y ON y.session_id = t.id
     WHERE t.session_date BETWEEN (SELECT first FROM reach) AND (SELECT last FROM reach)
       AND (t.tutor_id IN (SELECT tutor_id FROM sw_candidate)
            OR t.student_id IN (SELECT student_id FROM sw_candidate))"""


# A row that is there for the same tutor, student, date and start is the occurrence: but not one
# that leaves, nor one that the worker itself cancelled for another series (index:
# occurrence_session). `mark`: what it carries is no part of this series.
ADOPT = text("""
    UPDATE sw_candidate c
       SET verdict = 'adopted', session_id = x.id,
           mark = CASE WHEN x.rules THEN 'carries a rule of its own' END
      FROM (SELECT DISTINCT ON (c.anchor_id, c.occurs_on)
                   c.anchor_id, c.occurs_on, n.id, n.rules
              FROM sw_candidate c
              JOIN sw_near n ON n.tutor_id = c.tutor_id AND n.student_id = c.student_id
                            AND n.session_date = c.on_date AND n.start_time = c.start_time
             WHERE c.kind = 'insert' AND NOT n.leaves
               AND (n.live OR NOT EXISTS (SELECT FROM session_worker.occurrence o
                                           WHERE o.session_id = n.id AND o.state = 'skipped'))
             ORDER BY c.anchor_id, c.occurs_on, n.id) x
     WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on AND c.kind = 'insert'""")

# Overlaps are looked for by person and day, so that equality can hash: a session lasts at most 24
# hours and touches one day or two. A row takes no time at which its pair has a row already, be it
# cancelled: there is one row for the same tutor, student, date and start.
CONFLICT = text("""
    WITH wanted AS (
        SELECT anchor_id, occurs_on, kind, session_id, tutor_id, student_id, starts, ends,
               starts::date + later AS day
          FROM sw_candidate, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR ends > starts::date + 1) AND verdict = 'place' AND NOT settled),
    standing AS (
        SELECT id, tutor_id, student_id, starts, ends, own, starts::date + later AS day
          FROM sw_near, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR ends > starts::date + 1) AND live),
    in_the_way AS (
        SELECT c.anchor_id, c.occurs_on, n.id
          FROM wanted c JOIN standing n ON n.tutor_id = c.tutor_id AND n.day = c.day
         WHERE n.starts < c.ends AND c.starts < n.ends
           AND n.own IS DISTINCT FROM c.anchor_id AND n.id IS DISTINCT FROM c.session_id
           AND NOT (n.starts = c.starts AND n.ends = c.ends AND n.student_id <> c.student_id)
        UNION ALL
        SELECT c.anchor_id, c.occurs_on, n.id
          FROM wanted c JOIN standing n ON n.student_id = c.student_id AND n.day = c.day
         WHERE n.starts < c.ends AND c.starts < n.ends
           AND n.own IS DISTINCT FROM c.anchor_id AND n.id IS DISTINCT FROM c.session_id
        UNION ALL
        SELECT c.anchor_id, c.occurs_on, n.id
          FROM sw_candidate c
          JOIN sw_near n ON n.tutor_id = c.tutor_id AND n.student_id = c.student_id
                        AND n.session_date = c.on_date AND n.start_time = c.start_time
         WHERE c.kind = 'keep' AND c.verdict = 'place' AND NOT c.settled
           AND NOT n.live AND n.id <> c.session_id),
    lowest AS (SELECT anchor_id, occurs_on, min(id) AS id FROM in_the_way GROUP BY 1, 2)
    UPDATE sw_candidate c SET verdict = 'conflict', blocked_by = x.id
      FROM lowest x WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on""")

# Pairs of candidates that cannot both stand: `winner` is the lower anchor; within a series, a row
# that stands goes before a new one.
FIND_CLASHES = text("""
    INSERT INTO sw_clash
    WITH wanted AS (
        SELECT anchor_id, occurs_on, tutor_id, student_id, starts, ends,
               CASE kind WHEN 'keep' THEN 0 WHEN 'revive' THEN 1 ELSE 2 END AS rank,
               starts::date + later AS day
          FROM sw_candidate, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR ends > starts::date + 1) AND verdict = 'place' AND NOT settled)
    SELECT w.anchor_id AS winner, w.occurs_on AS winner_on,
           l.anchor_id AS loser, l.occurs_on AS loser_on,
           w.student_id = l.student_id AND w.starts = l.starts AS same
      FROM wanted w
      JOIN wanted l ON l.day = w.day AND l.tutor_id = w.tutor_id
                   AND (l.anchor_id, l.rank) > (w.anchor_id, w.rank)
     WHERE w.starts < l.ends AND l.starts < w.ends
       AND NOT (w.starts = l.starts AND w.ends = l.ends AND w.student_id <> l.student_id)
    UNION ALL
    SELECT w.anchor_id, w.occurs_on, l.anchor_id, l.occurs_on, false
      FROM wanted w
      JOIN wanted l ON l.day = w.day AND l.student_id = w.student_id
                   AND (l.anchor_id, l.rank) > (w.anchor_id, w.rank)
     WHERE w.starts < l.ends AND l.starts < w.ends AND w.tutor_id <> l.tutor_id""")


def _decide_clashes(conn: Connection) -> None:
    """Round by round: who has no undecided rival before it is placed, and whoever it blocks
    yields. A candidate that lost its own date blocks nobody. One round unless rivals form a
    chain."""
    conn.execute(QUESTION_LOSERS)
    conn.execute(text("ANALYZE sw_clash"))
    while conn.execute(YIELD_TO_PLACED).rowcount + conn.execute(PLACE_UNOPPOSED).rowcount:
        pass


QUESTION_LOSERS = text("""
    UPDATE sw_candidate c SET verdict = NULL
     WHERE (c.anchor_id, c.occurs_on) IN (SELECT loser, loser_on FROM sw_clash)""")
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
PLACE_UNOPPOSED = text("""
    UPDATE sw_candidate c SET verdict = 'place'
     WHERE c.verdict IS NULL AND NOT EXISTS (
        SELECT FROM sw_clash k
          JOIN sw_candidate w ON w.anchor_id = k.winner AND w.occurs_on = k.winner_on
         WHERE k.loser = c.anchor_id AND k.loser_on = c.occurs_on AND w.verdict IS NULL)""")

# A row that cannot take its new time stays at the old one, and there it is in the way of its own
# series too. Round by round, as the next may have to stay as well.
STAY_CLEAR_OF_OWN = text("""
    UPDATE sw_candidate c SET verdict = 'conflict', blocked_by = x.id
      FROM (SELECT c.anchor_id, c.occurs_on, min(n.id) AS id
              FROM sw_candidate k
              JOIN sw_near n ON n.id = k.session_id AND n.live
              JOIN sw_candidate c ON c.anchor_id = k.anchor_id AND c.occurs_on <> k.occurs_on
             WHERE k.kind = 'keep' AND k.verdict = 'conflict'
               AND c.verdict = 'place' AND NOT c.settled
               AND n.starts < c.ends AND c.starts < n.ends
               AND (n.student_id = c.student_id OR n.tutor_id = c.tutor_id)
             GROUP BY 1, 2) x
     WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on""")
