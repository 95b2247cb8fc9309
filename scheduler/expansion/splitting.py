"""A generated row that a person made recurring: "this and following" (design, "What happened").

It is the anchor of a new series; the old one ends the day before, and its later rows pass to the
new one as if its dates had changed.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

# Index: occurrence_session. The earliest first: a second one may split what the first took over.
NEXT_SPLIT = text("""
    SELECT o.anchor_id AS old, o.session_id AS new, o.occurs_on AS "on"
      FROM session_worker.occurrence o
      JOIN tutor_sessions t ON t.id = o.session_id AND t.is_recurring
     WHERE o.session_id = ANY(CAST(:ids AS bigint[])) AND o.state = 'created'
       AND NOT EXISTS (SELECT FROM session_worker.series s
                        WHERE s.anchor_id = o.session_id AND s.seen <> '')
     ORDER BY o.occurs_on, o.session_id LIMIT 1""")

# What the old series last wrote is what the new one starts from: rows that still hold it follow.
BEGIN_NEW = text("""
    INSERT INTO session_worker.series
           (anchor_id, state, seen, tutor_id, student_id, written, enrolled)
    SELECT :new, 'active', '', tutor_id, student_id, written, enrolled
      FROM session_worker.series WHERE anchor_id = :old
        ON CONFLICT (anchor_id) DO UPDATE SET written = excluded.written""")
END_OLD = text("""
    UPDATE session_worker.series
       SET ends_on = CAST(:on AS date) - 1, continued_by = :new, seen = ''
     WHERE anchor_id = :old""")
FORGET_ROW = text("""
    DELETE FROM session_worker.occurrence WHERE anchor_id = :old AND occurs_on = :on""")
PASS_LATER = text("""
    UPDATE session_worker.occurrence SET anchor_id = :new
     WHERE anchor_id = :old AND occurs_on > :on""")


def split_series(conn: Connection, ids: Sequence[int]) -> None:
    """Ends the series whose generated rows, among `ids`, are anchors now; passes their rows on."""
    while (split := conn.execute(NEXT_SPLIT, {"ids": list(ids)}).mappings().first()) is not None:
        for statement in (BEGIN_NEW, END_OLD, FORGET_ROW, PASS_LATER):
            conn.execute(statement, dict(split))
