"""Batches that a process has begun, noted so that a message that kills its process is recognised.

Of a batch whose process died nobody knows which message it was, if any; so each of them goes by
itself from then on (docs/decisions/0094).
"""

from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.turns import commit_without_flush

# Index: primary key.
BEGIN = text("""
    INSERT INTO session_worker.begun_batch (holder) VALUES (:holder) ON CONFLICT DO NOTHING""")
END = text("DELETE FROM session_worker.begun_batch WHERE holder = :holder")
# A handful of rows.
FORGET = text("""
    DELETE FROM session_worker.begun_batch WHERE begun_at < clock_timestamp() - interval '1 day'""")


def note_begun(conn: Connection, holder: UUID) -> None:
    """Commit it before a message of the batch is looked at."""
    commit_without_flush(conn)  # lost only where PostgreSQL itself dies
    conn.execute(BEGIN, {"holder": holder})


def note_ended(conn: Connection, holder: UUID) -> None:
    """Remove the record of a batch that its process has ended; the caller commits."""
    conn.execute(END, {"holder": holder})


def forget_cut_off(conn: Connection) -> None:
    """Remove what processes that died long ago have left; their claims have lapsed."""
    conn.execute(FORGET)
