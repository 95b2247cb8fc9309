"""Split of a series at a row that a person made recurring: "this and following" (design, "What
happened").

The row becomes the anchor of a new series. The old series ends the day before, and its later rows
pass to the new one as if its dates had changed. Where a person moved the row, the old series ends
before both its old and its new date, so that no day is in both series. An unreadable rule splits
nothing, and a rule that is switched off before it made a row gives the rows back.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, text

from scheduler.expansion.span import Span
from scheduler.rules import Rule, RuleColumns, read_rule
from scheduler.site.session_times import readable_date


def split_series(conn: Connection, span: Span, ids: Sequence[int]) -> frozenset[int]:
    """End each series of which one of the rows `ids` is now an anchor, and pass its rows on.

    Returns the anchors of the series that end.
    """
    ended, unreadable = set[int](), list[int]()
    while (split := _next_split(conn, span, ids, unreadable)) is not None:
        if _is_readable(span, split):
            of = {"old": split.old, "new": split.new, "on": split.on}
            for statement in (BEGIN_NEW, END_OLD, FORGET_ROW, PASS_LATER):
                conn.execute(statement, of)
            ended.add(split.old)
        else:
            unreadable.append(split.new)
    return frozenset(ended)


def _next_split(
    conn: Connection, span: Span, ids: Sequence[int], but: Sequence[int]
) -> Row[tuple[object, ...]] | None:
    columns = _rule_columns(span)
    return conn.execute(
        text(NEXT_SPLIT.format(columns=columns)), {"ids": list(ids), "but": list(but)}
    ).first()


def _rule_columns(span: Span) -> str:
    return f"""{readable_date("t")} AS session_date, t.is_recurring,
               t.session_frequency::text AS frequency, t.recurring_pattern::text AS pattern,
               {span.catalog.read("t", "tutor_sessions", "package_duration")} AS package"""


def _is_readable(span: Span, row: Row[tuple[object, ...]]) -> bool:
    columns = RuleColumns(
        row.session_date, row.is_recurring, row.frequency, row.pattern, row.package
    )
    return isinstance(read_rule(columns, span.policy).rule, Rule)


# Index: occurrence_session. The earliest row first, as a later one may split the rows that it took
# over. An adopted row counts like a generated one, unless it also belongs to another series, or
# carried a rule of its own when it was adopted.
NEXT_SPLIT = """
    SELECT o.anchor_id AS old, o.session_id AS new, least(o.occurs_on, t.session_date) AS "on",
           {columns}
      FROM session_worker.occurrence o
      JOIN tutor_sessions t ON t.id = o.session_id AND t.is_recurring
     WHERE o.session_id = ANY(CAST(:ids AS bigint[]))
       AND o.session_id <> ALL(CAST(:but AS bigint[]))
       AND (o.state IN ('created', 'skipped')
            OR o.state = 'adopted' AND o.reason IS NULL
               AND NOT EXISTS (SELECT FROM session_worker.series s
                                WHERE s.anchor_id = o.session_id))
     ORDER BY o.occurs_on, o.session_id, o.state = 'adopted', o.anchor_id LIMIT 1"""

# The new series starts from what the old one last wrote, so that rows which still hold it follow.
# Where the old series was split before, the new one ends at that split.
BEGIN_NEW = text("""
    WITH taken AS (
        SELECT jsonb_build_object(
                   'occurrence', (SELECT to_jsonb(o) FROM session_worker.occurrence o
                                   WHERE o.anchor_id = :old AND o.session_id = :new LIMIT 1),
                   'sessions', (SELECT coalesce(jsonb_agg(o.session_id), '[]')
                                  FROM session_worker.occurrence o
                                 WHERE o.anchor_id = :old AND o.occurs_on >= :on
                                   AND o.session_id IS NOT NULL)) AS continues)
    INSERT INTO session_worker.series
           (anchor_id, state, seen, tutor_id, student_id, written, shape, enrolled, ends_on,
            continued_by, continues)
    SELECT :new, 'active', '', tutor_id, student_id, written, shape, enrolled,
           CASE WHEN continued_by IS NOT NULL AND ends_on >= :on THEN ends_on END,
           CASE WHEN continued_by IS NOT NULL AND ends_on >= :on THEN continued_by END,
           taken.continues
      FROM session_worker.series, taken WHERE anchor_id = :old
        ON CONFLICT (anchor_id) DO UPDATE
       SET state = 'active', seen = '', written = excluded.written, shape = excluded.shape,
           ends_on = excluded.ends_on, continued_by = excluded.continued_by,
           continues = excluded.continues""")
END_OLD = text("""
    UPDATE session_worker.series
       SET ends_on = CAST(:on AS date) - 1, continued_by = :new, seen = ''
     WHERE anchor_id = :old""")
FORGET_ROW = text("""
    DELETE FROM session_worker.occurrence WHERE anchor_id = :old AND session_id = :new""")
PASS_LATER = text("""
    UPDATE session_worker.occurrence SET anchor_id = :new
     WHERE anchor_id = :old AND occurs_on >= :on""")


def undo_splits(conn: Connection, span: Span, ids: Sequence[int]) -> frozenset[int]:
    """Undo the splits at those rows of `ids` that carry no readable rule any more and whose series
    has made no row. Returns the anchors of the series that continue."""
    going_on = set[int]()
    if ticked := list(conn.scalars(TICKED, {"ids": list(ids)})):
        going_on.update(conn.scalars(FORGET_TICKED, {"ids": ticked}))
    candidates = conn.execute(
        text(SPLIT_OFF.format(columns=_rule_columns(span))), {"ids": list(ids)}
    ).all()
    for row in candidates:
        if not _is_readable(span, row):
            for statement in (RETURN_ROWS, RETURN_ANCHOR, GO_ON, POINT_TO_OLD, FORGET_NEW):
                conn.execute(statement, {"new": row.new})
            going_on.add(row.old)
    return frozenset(going_on)


# Series of rows that were marked as recurring, were never readable as a rule, and are not recurring
# any more. Read before the DELETE, so that a role that may only read can preview. Index: primary
# key of series.
TICKED = text("""
    SELECT s.anchor_id
      FROM session_worker.series s JOIN tutor_sessions t ON t.id = s.anchor_id
     WHERE s.anchor_id = ANY(CAST(:ids AS bigint[])) AND s.state = 'unreadable'
       AND t.is_recurring IS NOT TRUE
       AND NOT EXISTS (SELECT FROM session_worker.occurrence o
                        WHERE o.anchor_id = s.anchor_id)
       AND EXISTS (SELECT FROM session_worker.occurrence o
                    WHERE o.session_id = s.anchor_id AND o.state IN ('created', 'skipped'))""")
# Index: primary key of series; occurrence_session.
FORGET_TICKED = text("""
    WITH ticked AS (
        DELETE FROM session_worker.series s
         WHERE s.anchor_id = ANY(CAST(:ids AS bigint[])) RETURNING s.anchor_id)
    UPDATE session_worker.series s SET seen = ''
      FROM ticked JOIN session_worker.occurrence o
        ON o.session_id = ticked.anchor_id AND o.state IN ('created', 'skipped')
     WHERE s.anchor_id = o.anchor_id
    RETURNING s.anchor_id""")
SPLIT_OFF = """
    SELECT s.anchor_id AS new, old.anchor_id AS old, {columns}
      FROM session_worker.series s
      JOIN tutor_sessions t ON t.id = s.anchor_id
      JOIN session_worker.series old
        ON old.anchor_id = (s.continues->'occurrence'->>'anchor_id')::bigint
     WHERE s.anchor_id = ANY(CAST(:ids AS bigint[])) AND s.continues IS NOT NULL
       AND NOT EXISTS (SELECT FROM session_worker.occurrence o
                        WHERE o.anchor_id = s.anchor_id AND o.state = 'created'
                          AND NOT s.continues->'sessions' @> to_jsonb(o.session_id))
     ORDER BY t.session_date, s.anchor_id"""

# The values that the new series wrote to the rows count as last written.
RETURN_ROWS = text("""
    UPDATE session_worker.occurrence o
       SET anchor_id = old.anchor_id,
           kept = CASE WHEN o.session_id IS NULL THEN o.kept ELSE (
               SELECT jsonb_object_agg(w.key, w.value)
                 FROM jsonb_each(new.written || coalesce(o.kept, '{}')) w
                WHERE w.value IS DISTINCT FROM old.written->w.key) END
      FROM session_worker.series new, session_worker.series old
     WHERE new.anchor_id = :new AND o.anchor_id = new.anchor_id
       AND old.anchor_id = (new.continues->'occurrence'->>'anchor_id')::bigint
       AND NOT EXISTS (SELECT FROM session_worker.occurrence there
                        WHERE there.anchor_id = old.anchor_id
                          AND there.occurs_on = o.occurs_on)""")
RETURN_ANCHOR = text("""
    INSERT INTO session_worker.occurrence
    SELECT o.* FROM session_worker.series new,
           jsonb_populate_record(NULL::session_worker.occurrence, new.continues->'occurrence') o
     WHERE new.anchor_id = :new
        ON CONFLICT DO NOTHING""")
GO_ON = text("""
    UPDATE session_worker.series old
       SET ends_on = new.ends_on, continued_by = new.continued_by, seen = ''
      FROM session_worker.series new
     WHERE new.anchor_id = :new
       AND old.anchor_id = (new.continues->'occurrence'->>'anchor_id')::bigint""")
# A series that continued the new one now continues the old one.
POINT_TO_OLD = text("""
    UPDATE session_worker.series later
       SET continues = jsonb_set(later.continues, '{occurrence,anchor_id}',
                                 new.continues->'occurrence'->'anchor_id')
      FROM session_worker.series new
     WHERE new.anchor_id = :new AND later.continues IS NOT NULL
       AND (later.continues->'occurrence'->>'anchor_id')::bigint = new.anchor_id""")
FORGET_NEW = text("""
    WITH gone AS (DELETE FROM session_worker.series WHERE anchor_id = :new)
    DELETE FROM session_worker.occurrence WHERE anchor_id = :new""")
