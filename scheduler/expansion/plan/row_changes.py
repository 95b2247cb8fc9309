"""Changes of existing rows: moves to new dates, new values, and cancellations (design, "What
happened").
"""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, TextClause, text

from scheduler.expansion.columns import PLACING
from scheduler.expansion.plan.nearest_dates import nearest_in_order
from scheduler.expansion.span import Span

Move = tuple[int, date, date]  # anchor id, old date, new date


def plan_changes(conn: Connection, span: Span) -> None:
    """Fill sw_change: the rows to write, the columns that follow, and the new date."""
    _pair_dates(conn, span)
    conn.execute(DROP_OUTSIDE)
    conn.execute(FIND_CHANGES, {"placing": list(PLACING)})


def _pair_dates(conn: Connection, span: Span) -> None:
    """Pair the dates that a rule no longer names with its new ones, each with the nearest in order.

    The row of the old date moves to the new one and keeps its id; where the old date is closed, the
    new one is not filled. No date is paired with a past date, nor with one that has a row or a
    reason.
    """
    rows = {(anchor_id, day): session_id for anchor_id, day, session_id in conn.execute(LEAVING)}
    closed = {(anchor_id, day): why for anchor_id, day, why in conn.execute(CLOSED)}
    old = _by_anchor([*rows, *closed])
    if not old:
        return
    bearing = {"ids": list(old), "zone": span.settings.site_timezone, "as_of": span.as_of}
    new = _by_anchor([(anchor_id, day) for anchor_id, day in conn.execute(NEW_DATES, bearing)])
    moves = [
        (anchor_id, day, new_day)
        for anchor_id, days in old.items()
        for day, new_day in nearest_in_order(days, new.get(anchor_id, []))
    ]
    _take(conn, TAKE_ROWS, moves, rows)
    _take(conn, CLOSE, moves, closed)


def _by_anchor(dates: Sequence[tuple[int, date]]) -> dict[int, list[date]]:
    found: dict[int, list[date]] = {}
    for anchor_id, day in sorted(dates):
        found.setdefault(anchor_id, []).append(day)
    return found


LEAVING = text("""
    SELECT anchor_id, occurs_on, session_id FROM sw_row
     WHERE leaves AND target IS NOT NULL AND holiday IS NULL""")
# Without closed dates that another date already stands for. Index: primary key of occurrence.
CLOSED = text("""
    SELECT c.anchor_id, c.occurs_on, c.why
      FROM sw_closed c
      JOIN session_worker.occurrence o
        ON o.anchor_id = c.anchor_id AND o.occurs_on = c.occurs_on
     WHERE NOT c.wanted
       AND (o.stands_for IS NULL
            OR EXISTS (SELECT FROM sw_row r
                        WHERE r.anchor_id = c.anchor_id AND r.leaves AND r.holiday IS NULL))
       AND NOT EXISTS (SELECT FROM session_worker.occurrence m
                        WHERE m.anchor_id = c.anchor_id AND m.stands_for = c.occurs_on
                          AND m.occurs_on <> c.occurs_on)""")
NEW_DATES = text("""
    SELECT anchor_id, occurs_on FROM sw_candidate
     WHERE kind = 'insert' AND verdict = 'place' AND anchor_id = ANY(CAST(:ids AS bigint[]))
       AND session_worker.instant(starts, :zone) > :as_of""")


def _take(
    conn: Connection,
    statement: TextClause,
    moves: Sequence[Move],
    of: Mapping[tuple[int, date], object],
) -> None:
    taken = [(anchor_id, old, new) for anchor_id, old, new in moves if (anchor_id, old) in of]
    if taken:
        conn.execute(
            statement,
            {
                "ids": [anchor_id for anchor_id, _, _ in taken],
                "old": [old for _, old, _ in taken],
                "new": [new for _, _, new in taken],
                "of": [of[anchor_id, old] for anchor_id, old, _ in taken],
            },
        )


TAKE_ROWS = text("""
    UPDATE sw_candidate c SET kind = 'move', session_id = m.session_id
      FROM unnest(CAST(:ids AS bigint[]), CAST(:new AS date[]), CAST(:of AS bigint[]))
           AS m(anchor_id, new_on, session_id)
     WHERE c.anchor_id = m.anchor_id AND c.occurs_on = m.new_on""")
CLOSE = text("""
    UPDATE sw_candidate c SET verdict = 'skipped', stands_for = m.old_on, mark = m.why
      FROM unnest(CAST(:ids AS bigint[]), CAST(:old AS date[]), CAST(:new AS date[]),
                  CAST(:of AS text[])) AS m(anchor_id, old_on, new_on, why)
     WHERE c.anchor_id = m.anchor_id AND c.occurs_on = m.new_on""")
# Dates after the span get no new row, only rows that move there.
DROP_OUTSIDE = text("""
    DELETE FROM sw_candidate WHERE kind = 'insert' AND NOT inside AND verdict <> 'skipped'""")

# A row that cannot take its new time still follows in its other columns.
FIND_CHANGES = text("""
    INSERT INTO sw_change
    WITH change AS (
        SELECT r.session_id, r.anchor_id, r.occurs_on AS old_on, c.occurs_on AS new_on, c.kind,
               c.mark,
               CASE WHEN c.verdict = 'place' THEN r.loose
                    ELSE (SELECT coalesce(array_agg(k), '{}') FROM unnest(r.loose) k
                           WHERE k <> ALL(CAST(:placing AS text[]))) END AS loose
          FROM sw_candidate c JOIN sw_row r ON r.session_id = c.session_id
         WHERE c.kind = 'keep' OR c.kind IN ('move', 'revive') AND c.verdict = 'place'
        UNION ALL
        SELECT r.session_id, r.anchor_id, r.occurs_on, NULL, 'cancel', NULL, '{}'
          FROM sw_row r
         WHERE r.leaves AND NOT EXISTS (SELECT FROM sw_candidate c
                                         WHERE c.session_id = r.session_id AND c.kind = 'move'))
    SELECT *, loose && CAST(:placing AS text[]) OR kind <> 'keep' AS gives_way
      FROM change WHERE kind <> 'keep' OR loose <> '{}'""")
