"""Verdicts on candidates: adoption, conflicts, and the winner where two collide (design, "A
generated row").

All rows that shift in one run are judged at their new places, as if they moved at the same time. A
row that cannot shift stays at its old place, where it may block others; this is repeated until no
further row has to stay.
"""

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span


def judge_candidates(conn: Connection, span: Span, near: int) -> None:
    """Set the verdict of each row of sw_candidate: `place`, `adopted` or `conflict`.

    `near`: the number of rows of sw_near.
    """
    while True:
        if near:
            conn.execute(ADOPT)
            conn.execute(CONFLICT)
        if conn.execute(FIND_CLASHES).rowcount:
            _decide_clashes(conn)
        if not conn.execute(STAY).rowcount:
            break
        for statement in (STAND_IN_THE_WAY, FORGET_CLASHES, JUDGE_AGAIN):
            conn.execute(statement)
    if near:
        conn.execute(text(_recognise_own(span)))


# An existing row with the same tutor, student, date and start is adopted, unless it yields its
# place or the worker cancelled it for another series (index: occurrence_session).
ADOPT = text("""
    UPDATE sw_candidate c SET verdict = 'adopted', session_id = x.id, rules = x.rules
      FROM (SELECT DISTINCT ON (c.anchor_id, c.occurs_on)
                   c.anchor_id, c.occurs_on, n.id, n.rules
              FROM sw_candidate c
              JOIN sw_near n ON n.tutor_id = c.tutor_id AND n.student_id = c.student_id
                            AND n.session_date = c.on_date AND n.start_time = c.start_time
             WHERE c.kind = 'insert' AND NOT n.yields
               AND (n.live OR NOT EXISTS (SELECT FROM session_worker.occurrence o
                                           WHERE o.session_id = n.id AND o.state = 'skipped'))
             ORDER BY c.anchor_id, c.occurs_on, n.id) x
     WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on AND c.kind = 'insert'""")

# Overlaps are searched by person and day, so that the join can hash: a session lasts at most 24
# hours, so it touches at most two days. There is only one row for a tutor, student, date and start,
# so a row with the same four is an obstacle even if it is cancelled.
CONFLICT = text("""
    WITH wanted AS (
        SELECT anchor_id, occurs_on, kind, session_id, tutor_id, student_id, starts, ends,
               starts::date + later AS day
          FROM sw_candidate, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR ends > starts::date + 1) AND verdict = 'place' AND NOT settled),
    there AS (
        SELECT id, tutor_id, student_id, starts, ends, starts::date + later AS day
          FROM sw_near, (VALUES (0), (1)) AS l(later)
         WHERE (later = 0 OR ends > starts::date + 1) AND live AND NOT yields),
    in_the_way AS (
        SELECT c.anchor_id, c.occurs_on, n.id
          FROM wanted c JOIN there n ON n.tutor_id = c.tutor_id AND n.day = c.day
         WHERE n.starts < c.ends AND c.starts < n.ends AND n.id IS DISTINCT FROM c.session_id
           AND NOT (n.starts = c.starts AND n.ends = c.ends AND n.student_id <> c.student_id)
        UNION ALL
        SELECT c.anchor_id, c.occurs_on, n.id
          FROM wanted c JOIN there n ON n.student_id = c.student_id AND n.day = c.day
         WHERE n.starts < c.ends AND c.starts < n.ends AND n.id IS DISTINCT FROM c.session_id
        UNION ALL
        SELECT c.anchor_id, c.occurs_on, n.id
          FROM sw_candidate c
          JOIN sw_near n ON n.tutor_id = c.tutor_id AND n.student_id = c.student_id
                        AND n.session_date = c.on_date AND n.start_time = c.start_time
         WHERE c.kind = 'keep' AND c.verdict = 'place' AND NOT c.settled
           AND NOT n.live AND NOT n.yields AND n.id <> c.session_id),
    lowest AS (SELECT anchor_id, occurs_on, min(id) AS id FROM in_the_way GROUP BY 1, 2)
    UPDATE sw_candidate c SET verdict = 'conflict', blocked_by = x.id
      FROM lowest x
     WHERE c.anchor_id = x.anchor_id AND c.occurs_on = x.occurs_on AND c.verdict = 'place'""")

# Pairs of candidates that exclude each other. `winner` has the lower anchor; within a series, an
# existing row wins over a new one.
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
    """Decide collisions in rounds: place each candidate without an undecided rival before it, and
    give the candidates that it blocks the verdict `conflict`.

    A candidate without a place blocks nobody. One round is enough unless rivals form a chain.
    """
    conn.execute(QUESTION_LOSERS)
    conn.execute(text("ANALYZE sw_clash"))
    while conn.execute(YIELD_TO_PLACED).rowcount + conn.execute(PLACE_UNOPPOSED).rowcount:
        pass


QUESTION_LOSERS = text("""
    UPDATE sw_candidate c SET verdict = NULL
     WHERE (c.anchor_id, c.occurs_on) IN (SELECT loser, loser_on FROM sw_clash)
       AND c.verdict = 'place'""")
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

# A row that cannot shift stays for the rest of the run, so the number of rounds is finite.
STAY = text("""
    UPDATE sw_candidate SET stays = true WHERE shifts AND verdict = 'conflict' AND NOT stays""")
STAND_IN_THE_WAY = text("""
    UPDATE sw_near n SET yields = false
      FROM sw_candidate c WHERE c.session_id = n.id AND c.stays AND n.yields""")
FORGET_CLASHES = text("DELETE FROM sw_clash")
JUDGE_AGAIN = text("""
    UPDATE sw_candidate
       SET verdict = 'place', blocked_by = NULL, blocked_anchor = NULL, blocked_on = NULL,
           rules = false, session_id = CASE kind WHEN 'insert' THEN NULL ELSE session_id END
     WHERE NOT stays AND verdict <> 'place'""")


# Only one series can own a row: the one with the lowest anchor. Index: occurrence_session.
def _recognise_own(span: Span) -> str:
    """SQL that marks existing rows which equal what the worker would have made as its own.

    A lost ledger is rebuilt that way, and rows that the site's generator made follow their rule.
    """
    return f"""
    UPDATE sw_candidate c SET own = true
      FROM (SELECT session_id, min(anchor_id) AS anchor_id FROM sw_candidate
             WHERE verdict = 'adopted' AND blocked_anchor IS NULL AND NOT rules GROUP BY 1) one,
           tutor_sessions t, sw_anchor a
     WHERE c.verdict = 'adopted' AND c.session_id = one.session_id
       AND c.anchor_id = one.anchor_id AND t.id = c.session_id AND a.id = c.anchor_id
       AND {span.columns.copy_of("t")} = {span.columns.copy_of("a")}
       AND NOT EXISTS (SELECT FROM session_worker.occurrence o
                        WHERE o.session_id = c.session_id AND o.state IN ('created', 'skipped'))"""
