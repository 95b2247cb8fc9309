"""Series that are judged together because rows of one are in the way of another's (design,
"Movers").

Two lessons that swap their hours may lie in different chunks, or a run may have passed between the
edits of the two (docs/decisions/0080).
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

# Series with a row that was blocked by a row of one of these series: both are judged together, as
# the obstacle may move now. Indexes: occurrence_open, occurrence_session.
COMPANIONS = text("""
    WITH RECURSIVE blocked AS MATERIALIZED (
        SELECT b.anchor_id, o.anchor_id AS by
          FROM session_worker.occurrence b
          JOIN session_worker.occurrence o ON o.session_id = b.blocked_by
         WHERE b.blocked_by IS NOT NULL AND b.session_id IS NOT NULL),
    together AS (
        SELECT unnest(CAST(:ids AS bigint[])) AS anchor_id
         UNION
        SELECT b.anchor_id FROM together JOIN blocked b ON b.by = together.anchor_id)
    SELECT anchor_id FROM together WHERE anchor_id <> ALL(CAST(:ids AS bigint[]))""")


def find_companions(conn: Connection, ids: Sequence[int]) -> Sequence[int]:
    """Find series whose rows could not follow earlier because of rows of these series.

    Returns their anchors.
    """
    return conn.scalars(COMPANIONS, {"ids": list(ids)}).all()


# Rows that are to move but find their new place taken, and every session in their way, so that all
# members of a group are found at once. Index: occurrence_session.
ENTANGLED = text("""
    WITH blocked AS MATERIALIZED (
        SELECT c.tutor_id, c.student_id, c.starts, c.ends
          FROM sw_candidate c
         WHERE c.verdict IN ('adopted', 'conflict')
           AND (c.shifts OR c.anchor_id IN (
                SELECT anchor_id FROM sw_row WHERE leaves AND holiday IS NULL))),
    there AS MATERIALIZED (
        SELECT o.anchor_id, n.tutor_id, n.student_id, n.starts, n.ends
          FROM sw_near n JOIN session_worker.occurrence o ON o.session_id = n.id
         WHERE o.state = 'created' AND o.anchor_id = ANY(CAST(:waiting AS bigint[])))
    SELECT t.anchor_id FROM blocked b JOIN there t ON t.tutor_id = b.tutor_id
     WHERE t.starts < b.ends AND b.starts < t.ends
     UNION
    SELECT t.anchor_id FROM blocked b JOIN there t ON t.student_id = b.student_id
     WHERE t.starts < b.ends AND b.starts < t.ends
     ORDER BY 1""")


def find_entangled(conn: Connection, waiting: Collection[int]) -> Sequence[int]:
    """Find series among `waiting` whose rows are in the way of rows of this chunk that are to move.

    Returns their anchors, ascending.
    """
    return conn.scalars(ENTANGLED, {"waiting": list(waiting)}).all()
