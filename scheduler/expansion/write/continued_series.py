"""A row of a series that a person made recurring: "this and following" (design, "What happened").

It is the anchor of a new series; the old one ends the day before, and its later rows pass to the
new one as if its dates had changed. Where the row was moved, that is before its old date and its
new one: no day is in both series.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

# Index: occurrence_session. The earliest first: a second one may split what the first took over.
# An adopted row counts as a generated one, unless it is also somebody else's, or carried a rule of
# its own when it was adopted.
NEXT_SPLIT = text("""
    SELECT o.anchor_id AS old, o.session_id AS new, least(o.occurs_on, t.session_date) AS "on"
      FROM session_worker.occurrence o
      JOIN tutor_sessions t ON t.id = o.session_id AND t.is_recurring
     WHERE o.session_id = ANY(CAST(:ids AS bigint[]))
       AND (o.state IN ('created', 'skipped') OR o.state = 'adopted' AND o.reason IS NULL)
       AND NOT EXISTS (SELECT FROM session_worker.series s
                        WHERE s.anchor_id = o.session_id
                          AND (s.seen <> '' OR o.state = 'adopted'))
     ORDER BY o.occurs_on, o.session_id, o.state = 'adopted', o.anchor_id LIMIT 1""")

# What the old series last wrote is what the new one starts from: rows that still hold it follow.
# Where the old one was split before, the new one reaches to that split and no further.
BEGIN_NEW = text("""
    INSERT INTO session_worker.series
           (anchor_id, state, seen, tutor_id, student_id, written, enrolled, ends_on, continued_by)
    SELECT :new, 'active', '', tutor_id, student_id, written, enrolled,
           CASE WHEN continued_by IS NOT NULL AND ends_on >= :on THEN ends_on END,
           CASE WHEN continued_by IS NOT NULL AND ends_on >= :on THEN continued_by END
      FROM session_worker.series WHERE anchor_id = :old
        ON CONFLICT (anchor_id) DO UPDATE SET written = excluded.written""")
END_OLD = text("""
    UPDATE session_worker.series
       SET ends_on = CAST(:on AS date) - 1, continued_by = :new, seen = ''
     WHERE anchor_id = :old""")
FORGET_ROW = text("""
    DELETE FROM session_worker.occurrence WHERE anchor_id = :old AND session_id = :new""")
PASS_LATER = text("""
    UPDATE session_worker.occurrence SET anchor_id = :new
     WHERE anchor_id = :old AND occurs_on >= :on""")


def split_series(conn: Connection, ids: Sequence[int]) -> frozenset[int]:
    """Ends the series of which rows, among `ids`, are anchors now; passes their rows on.

    Returns the anchors of the series that end.
    """
    ended = set()
    while (split := conn.execute(NEXT_SPLIT, {"ids": list(ids)}).mappings().first()) is not None:
        for statement in (BEGIN_NEW, END_OLD, FORGET_ROW, PASS_LATER):
            conn.execute(statement, dict(split))
        ended.add(split["old"])
    return frozenset(ended)
