"""What becomes of the rows that stand: they move to new dates, follow new values, or are cancelled
(design, "What happened")."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, text

from scheduler.expansion.columns import PLACING
from scheduler.expansion.plan.nearest_dates import nearest_in_order
from scheduler.expansion.span import Span


def plan_changes(conn: Connection, span: Span, rows: int) -> None:
    """Fills sw_change: the rows to write, their columns to follow, and their new date.

    `rows`: how many sw_row has.
    """
    if rows:
        _pair_moves(conn, span)
        conn.execute(DROP_OUTSIDE)
    conn.execute(FIND_CHANGES, {"placing": list(PLACING)})


def _pair_moves(conn: Connection, span: Span) -> None:
    """Rows whose date the rule no longer names move to its new dates: each to the nearest, in
    order; ids are kept. Not into the past, nor to a date that has its row or its reason."""
    spare: dict[int, dict[date, int]] = {}
    for anchor_id, occurs_on, session_id in conn.execute(SPARE_ROWS):
        spare.setdefault(anchor_id, {})[occurs_on] = session_id
    if not spare:
        return
    new: dict[int, list[date]] = {anchor_id: [] for anchor_id in spare}
    for anchor_id, occurs_on in conn.execute(
        NEW_DATES,
        {"ids": list(spare), "zone": span.settings.site_timezone, "as_of": span.as_of},
    ):
        new[anchor_id].append(occurs_on)
    moves = [
        (anchor_id, day, rows[occurs_on])
        for anchor_id, rows in spare.items()
        for occurs_on, day in nearest_in_order([*rows], new[anchor_id])
    ]
    _take_rows(conn, moves)


SPARE_ROWS = text("""
    SELECT anchor_id, occurs_on, session_id FROM sw_row
     WHERE leaves AND target IS NOT NULL AND holiday IS NULL
     ORDER BY anchor_id, occurs_on""")
NEW_DATES = text("""
    SELECT anchor_id, occurs_on FROM sw_candidate
     WHERE kind = 'insert' AND verdict = 'place' AND anchor_id = ANY(CAST(:ids AS bigint[]))
       AND session_worker.instant(starts, :zone) > :as_of
     ORDER BY anchor_id, occurs_on""")


def _take_rows(conn: Connection, moves: Sequence[tuple[int, date, int]]) -> None:
    anchors, days, sessions = zip(*moves, strict=True) if moves else ((), (), ())
    conn.execute(TAKE_ROWS, {"ids": list(anchors), "days": list(days), "sessions": list(sessions)})


TAKE_ROWS = text("""
    UPDATE sw_candidate c SET kind = 'move', session_id = m.session_id
      FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[]), CAST(:sessions AS bigint[]))
           AS m(anchor_id, new_on, session_id)
     WHERE c.anchor_id = m.anchor_id AND c.occurs_on = m.new_on""")
# Past the span a date is only for a row that moves there.
DROP_OUTSIDE = text("DELETE FROM sw_candidate WHERE kind = 'insert' AND NOT inside")

# A row that cannot take its new time follows in its other columns.
FIND_CHANGES = text("""
    INSERT INTO sw_change
    WITH change AS (
        SELECT r.session_id, r.anchor_id, r.occurs_on AS old_on, c.occurs_on AS new_on, r.now,
               c.kind, c.mark,
               CASE WHEN c.verdict = 'place' THEN r.loose
                    ELSE (SELECT coalesce(array_agg(k), '{}') FROM unnest(r.loose) k
                           WHERE k <> ALL(CAST(:placing AS text[]))) END AS loose
          FROM sw_candidate c JOIN sw_row r ON r.session_id = c.session_id
         WHERE c.kind = 'keep' OR c.kind IN ('move', 'revive') AND c.verdict = 'place'
        UNION ALL
        SELECT r.session_id, r.anchor_id, r.occurs_on, NULL, r.now, 'cancel', NULL, '{}'
          FROM sw_row r
         WHERE r.leaves AND NOT EXISTS (SELECT FROM sw_candidate c
                                         WHERE c.session_id = r.session_id AND c.kind = 'move'))
    SELECT *, loose && CAST(:placing AS text[]) OR kind <> 'keep' AS gives_way
      FROM change WHERE kind <> 'keep' OR loose <> '{}'""")
