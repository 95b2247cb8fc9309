"""What was decided → rows of tutor_sessions and the record of them, a set at a time."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, text

from models.catalog import quoted
from scheduler.expansion.columns import PLACING
from scheduler.expansion.reading import SeriesNow
from scheduler.expansion.report import Written
from scheduler.expansion.span import Span


def pair_moves(conn: Connection) -> None:
    """Rows whose date the rule no longer names move to its new dates: in order of the new dates,
    each takes the nearest old one; ids are kept (design, "What happened")."""
    spare: dict[int, list[tuple[date, int]]] = {}
    for anchor_id, occurs_on, session_id in conn.execute(SPARE_ROWS):
        spare.setdefault(anchor_id, []).append((occurs_on, session_id))
    moves = []
    if spare:
        for anchor_id, new in conn.execute(NEW_DATES, {"ids": list(spare)}):
            if old := spare[anchor_id]:
                nearest = min(old, key=lambda row: (abs(row[0] - new), row[0]))
                old.remove(nearest)
                moves.append({"anchor_id": anchor_id, "new": new, "session_id": nearest[1]})
    if moves:
        conn.execute(TAKE_ROW, moves)
    conn.execute(DROP_OUTSIDE)


SPARE_ROWS = text("""
    SELECT anchor_id, occurs_on, session_id FROM sw_row
     WHERE state = 'created' AND to_come AND untouched AND NOT wanted AND holiday IS NULL
       AND target IS NOT NULL
     ORDER BY anchor_id, occurs_on""")
NEW_DATES = text("""
    SELECT anchor_id, occurs_on FROM sw_candidate
     WHERE kind = 'insert' AND verdict = 'place' AND anchor_id = ANY(CAST(:ids AS bigint[]))
     ORDER BY anchor_id, occurs_on""")
TAKE_ROW = text("""
    UPDATE sw_candidate c SET kind = 'move', session_id = r.session_id, loose = r.loose
      FROM sw_row r
     WHERE r.session_id = :session_id AND c.anchor_id = :anchor_id AND c.occurs_on = :new""")
# Past the span a date is only for a row that moves there.
DROP_OUTSIDE = text("DELETE FROM sw_candidate WHERE kind = 'insert' AND NOT inside")


def write_rows(conn: Connection, span: Span) -> tuple[Written, frozenset[int]]:
    """Changes and inserts rows. Returns how many, and the anchors of rows that somebody else holds
    or has just changed: those are looked at again on the next run, nobody waits."""
    late = _hold_rows(conn, span)
    cancelled = conn.execute(text(CANCEL)).rowcount
    updated = _change_rows(conn, span)
    conn.execute(text(RECORD_CANCELLED), {"reason": "rule_changed"})
    for statement in (FORGET_OLD_DATES, RECORD_MOVED, RECORD_REVIVED, RECORD_KEPT):
        conn.execute(text(statement))
    inserted, lost = _insert_rows(conn, span)
    return Written(inserted, updated, cancelled), frozenset(late | lost)


def _hold_rows(conn: Connection, span: Span) -> set[int]:
    """Locks the rows to change, those that can be had at once and are still as they were read."""
    conn.execute(
        text(HOLD),
        {
            "unwritten": list(span.columns.unwritten),
            "placing": list(PLACING),
            "cancels": span.cancels,
        },
    )
    return set(conn.scalars(LATE))


# FOR NO KEY UPDATE is what an UPDATE of these columns takes; SKIP LOCKED: no wait, no deadlock.
HOLD = """
    CREATE TEMP TABLE sw_change ON COMMIT DROP AS
    WITH change AS (
        SELECT r.session_id, r.anchor_id, r.occurs_on AS old_on, c.occurs_on AS new_on, r.now,
               c.kind, CASE WHEN c.verdict = 'place' THEN c.loose
                            ELSE (SELECT coalesce(array_agg(k), '{}') FROM unnest(c.loose) k
                                   WHERE k <> ALL(CAST(:placing AS text[]))) END AS loose,
               c.verdict = 'place' AS placed, c.blocked_by
          FROM sw_candidate c JOIN sw_row r ON r.session_id = c.session_id
         WHERE c.kind <> 'insert' AND (c.verdict = 'place' OR c.kind = 'keep')
        UNION ALL
        SELECT r.session_id, r.anchor_id, r.occurs_on, NULL, r.now, 'cancel', '{}', true, NULL
          FROM sw_row r LEFT JOIN sw_series s ON s.anchor_id = r.anchor_id
         WHERE r.state = 'created' AND r.to_come AND r.untouched
           AND (r.target IS NOT NULL AND NOT r.wanted
                OR s.state IN ('stopped', 'ended') AND :cancels)
           AND NOT EXISTS (SELECT FROM sw_candidate c
                            WHERE c.session_id = r.session_id AND c.kind = 'move'))
    SELECT change.*, held.id IS NOT NULL AS held
      FROM change LEFT JOIN (
           SELECT t.id FROM tutor_sessions t JOIN change ON change.session_id = t.id
            WHERE to_jsonb(t) - CAST(:unwritten AS text[]) = change.now
              FOR NO KEY UPDATE OF t SKIP LOCKED) held ON held.id = change.session_id"""
LATE = text("SELECT DISTINCT anchor_id FROM sw_change WHERE NOT held")

CANCEL = """
    UPDATE tutor_sessions t SET status = 'cancelled'
      FROM sw_change c WHERE c.session_id = t.id AND c.kind = 'cancel' AND c.held"""


def _change_rows(conn: Connection, span: Span) -> int:
    changing = conn.scalars(LOOSE_COLUMNS).all()
    follows = "".join(
        f""", {quoted(name)} = CASE WHEN '{name.replace("'", "''").replace(":", chr(92) + ":")}'
                = ANY(c.loose) THEN a.{quoted(name)} ELSE t.{quoted(name)} END"""
        for name in span.columns.copied
        if name in changing
    )
    return conn.execute(text(CHANGE.format(follows=follows))).rowcount


LOOSE_COLUMNS = text("SELECT DISTINCT unnest(loose) FROM sw_change WHERE held")
CHANGE = """
    UPDATE tutor_sessions t
       SET session_date = CASE c.kind WHEN 'move' THEN c.new_on ELSE t.session_date END,
           status = CASE c.kind WHEN 'revive' THEN 'scheduled' ELSE t.status END{follows}
      FROM sw_change c JOIN sw_anchor a ON a.id = c.anchor_id
     WHERE c.session_id = t.id AND c.held
       AND (c.kind IN ('move', 'revive') OR c.loose <> '{{}}')"""

RECORD_CANCELLED = """
    UPDATE session_worker.occurrence o
       SET state = 'skipped', blocked_by = NULL,
           reason = CASE WHEN s.state IN ('stopped', 'ended') THEN 'series_' || s.state
                         ELSE coalesce(r.holiday, :reason) END
      FROM sw_change c
      JOIN sw_row r ON r.session_id = c.session_id
      LEFT JOIN sw_series s ON s.anchor_id = c.anchor_id
     WHERE c.kind = 'cancel' AND c.held
       AND o.anchor_id = c.anchor_id AND o.occurs_on = c.old_on"""
# Two statements: a row's new date may be the date that another row leaves.
FORGET_OLD_DATES = """
    DELETE FROM session_worker.occurrence o USING sw_change c
     WHERE c.kind = 'move' AND c.held AND o.anchor_id = c.anchor_id
       AND (o.occurs_on = c.old_on OR o.occurs_on = c.new_on AND o.session_id IS NULL)"""
RECORD_MOVED = """
    INSERT INTO session_worker.occurrence (anchor_id, occurs_on, session_id, state, kept)
    SELECT c.anchor_id, c.new_on, c.session_id, 'created', NULL
      FROM sw_change c WHERE c.kind = 'move' AND c.held"""
RECORD_REVIVED = """
    UPDATE session_worker.occurrence o
       SET state = 'created', reason = NULL, blocked_by = NULL
      FROM sw_change c
     WHERE c.kind = 'revive' AND c.held
       AND o.anchor_id = c.anchor_id AND o.occurs_on = c.old_on"""
# What was not written now keeps the record of what was written last; a row that could not follow
# to its new time says what is in the way.
RECORD_KEPT = """
    UPDATE session_worker.occurrence o
       SET kept = n.kept, blocked_by = n.blocked_by,
           reason = CASE WHEN n.blocked_by IS NOT NULL THEN 'time_conflict ' || n.blocked_by
                         WHEN o.blocked_by IS NOT NULL THEN NULL ELSE o.reason END
      FROM (SELECT r.anchor_id, r.occurs_on, r.session_id,
                   CASE WHEN NOT c.placed THEN coalesce(c.blocked_by, 0) END AS blocked_by,
                   (SELECT jsonb_object_agg(k, r.written->k) FROM jsonb_object_keys(r.target) k
                     WHERE r.written->k IS DISTINCT FROM r.target->k
                       AND (c.loose IS NULL OR k <> ALL(c.loose))) AS kept
              FROM sw_row r
              LEFT JOIN sw_change c ON c.session_id = r.session_id AND c.held
             WHERE r.target IS NOT NULL) n
     WHERE o.anchor_id = n.anchor_id AND o.session_id = n.session_id AND o.state <> 'adopted'
       AND (o.kept IS DISTINCT FROM n.kept OR o.blocked_by IS DISTINCT FROM n.blocked_by)"""


def _insert_rows(conn: Connection, span: Span) -> tuple[int, set[int]]:
    """Inserts what was placed, and records every verdict. A row that somebody inserted in this
    very moment under a unique constraint of the site's is left; the next run adopts it."""
    columns = span.columns
    insert = INSERT.format(
        columns=columns.insert_list, values=columns.select_list("a", "c.occurs_on")
    )
    inserted = conn.execute(text(insert)).rowcount
    lost = set(conn.scalars(text(LOST)))
    conn.execute(text(RECORD_VERDICTS))
    conn.execute(text(RECORD_HOLIDAYS))
    return inserted, lost


# New rows are matched to their dates by the natural key: one candidate a key is placed.
INSERT = """
    WITH made AS (
        INSERT INTO tutor_sessions ({columns})
        SELECT {values}
          FROM sw_candidate c JOIN sw_anchor a ON a.id = c.anchor_id
         WHERE c.kind = 'insert' AND c.verdict = 'place'
         ORDER BY c.anchor_id, c.occurs_on
            ON CONFLICT DO NOTHING
        RETURNING id, tutor_id, student_id, session_date, start_time)
    INSERT INTO session_worker.occurrence (anchor_id, occurs_on, session_id, state, reason)
    SELECT c.anchor_id, c.occurs_on, made.id, 'created', c.mark
      FROM made JOIN sw_candidate c
        ON c.tutor_id = made.tutor_id AND c.student_id = made.student_id
       AND c.occurs_on = made.session_date AND c.start_time = made.start_time
       AND c.kind = 'insert' AND c.verdict = 'place'
        ON CONFLICT (anchor_id, occurs_on) DO UPDATE
       SET session_id = excluded.session_id, state = 'created', reason = excluded.reason,
           blocked_by = NULL"""
LOST = """
    SELECT DISTINCT c.anchor_id FROM sw_candidate c
     WHERE c.kind = 'insert' AND c.verdict = 'place' AND NOT EXISTS (
        SELECT FROM session_worker.occurrence o
         WHERE o.anchor_id = c.anchor_id AND o.occurs_on = c.occurs_on AND o.state = 'created')"""
RECORD_VERDICTS = """
    INSERT INTO session_worker.occurrence AS o
           (anchor_id, occurs_on, session_id, state, reason, blocked_by)
    SELECT c.anchor_id, c.occurs_on,
           CASE c.verdict WHEN 'adopted' THEN x.id END, c.verdict,
           CASE c.verdict WHEN 'conflict' THEN 'conflict with session ' || x.id END,
           CASE c.verdict WHEN 'conflict' THEN x.id END
      FROM sw_candidate c
      LEFT JOIN session_worker.occurrence w
        ON w.anchor_id = c.blocked_anchor AND w.occurs_on = c.blocked_on
     CROSS JOIN LATERAL (SELECT coalesce(
           CASE c.verdict WHEN 'adopted' THEN c.session_id ELSE c.blocked_by END,
           w.session_id) AS id) x
     WHERE c.kind = 'insert' AND c.verdict IN ('adopted', 'conflict')
        ON CONFLICT (anchor_id, occurs_on) DO UPDATE
       SET session_id = excluded.session_id, state = excluded.state, reason = excluded.reason,
           blocked_by = excluded.blocked_by
     WHERE (o.session_id, o.state, o.blocked_by) IS DISTINCT FROM
           (excluded.session_id, excluded.state, excluded.blocked_by)"""
RECORD_HOLIDAYS = """
    INSERT INTO session_worker.occurrence (anchor_id, occurs_on, state, reason)
    SELECT w.anchor_id, w.occurs_on, 'skipped', w.holiday FROM sw_wanted w
     WHERE w.holiday IS NOT NULL
        ON CONFLICT (anchor_id, occurs_on) DO NOTHING"""


def forget_unwanted(conn: Connection, series: Sequence[SeriesNow], span: Span) -> None:
    """Dates that a changed rule no longer names and that have no row of ours are forgotten.
    `deleted` ones are kept: such a date is not filled again."""
    conn.execute(
        FORGET_UNWANTED,
        {
            "ids": [one.anchor_id for one in series if one.changed and one.state == "active"],
            "today": span.today,
        },
    )


FORGET_UNWANTED = text("""
    DELETE FROM session_worker.occurrence o
     WHERE o.anchor_id = ANY(CAST(:ids AS bigint[])) AND o.occurs_on >= :today
       AND (o.state IN ('conflict', 'adopted') OR o.state = 'skipped' AND o.session_id IS NULL)
       AND NOT EXISTS (SELECT FROM sw_wanted w
                        WHERE w.anchor_id = o.anchor_id AND w.occurs_on = o.occurs_on)""")
