"""Rows that the worker cancelled and a person restored. They belong to their series again; their
status is the person's from then on (docs/decisions/0008)."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

# Index: primary key of tutor_sessions; all coming occurrences are scanned.
RESTORED = """
      FROM session_worker.occurrence o
      JOIN tutor_sessions t ON t.id = o.session_id
     WHERE o.state = 'skipped'
       AND session_worker.status_of(t.status::text) IS DISTINCT FROM 'cancelled'"""
RESTORED_SINCE = f"SELECT DISTINCT o.anchor_id {RESTORED} AND o.occurs_on >= :today"

# Reason recorded for a row on a date that the rule does not name.
REASON = "restored_by_a_person"

# `kept` records that the worker last wrote "cancelled", which makes the status a person's edit.
# Other changes of the rule reach the row when its series is expanded next.
# Index: primary keys of occurrence, tutor_sessions and series.
OF_THESE = f"{RESTORED} AND o.anchor_id = ANY(CAST(:ids AS bigint[]))"
ANY_RESTORED = text(f"SELECT 1 {OF_THESE} LIMIT 1")
TAKE_BACK = text(f"""
    WITH restored AS (SELECT o.anchor_id, o.occurs_on {OF_THESE}),
    taken AS (
        UPDATE session_worker.occurrence o
           SET state = 'created', reason = '{REASON}', blocked_by = NULL, absence = NULL,
               kept = coalesce(o.kept, '{{}}') || '{{"status"\\: "cancelled"}}'
          FROM restored r
         WHERE o.anchor_id = r.anchor_id AND o.occurs_on = r.occurs_on
        RETURNING o.anchor_id)
    UPDATE session_worker.series s SET seen = ''
     WHERE s.state = 'active' AND s.anchor_id IN (SELECT anchor_id FROM taken)""")


def adopt_restored(conn: Connection, ids: Sequence[int]) -> None:
    """skipped → created, for the rows of these anchors that a person restored.

    Nothing is written where there are none, so that a role that may only read can preview a rule.
    """
    if conn.scalar(ANY_RESTORED, {"ids": list(ids)}) is not None:
        conn.execute(TAKE_BACK, {"ids": list(ids)})
