"""Batches of held messages, which an admin releases or drops as a whole."""

from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged

WRONG_DATABASE = "wrong_database"
REWOUND = "rewound"

# A few rows. An open batch of the same cause is used again. It is locked, so that nothing is added
# to a batch that an admin decides on at this moment: nobody would decide on those rows again.
OPEN_BATCH = text("""
    WITH standing AS (
        SELECT id FROM session_worker.held_batch
         WHERE cause = :cause AND settled_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE
    ), made AS (
        INSERT INTO session_worker.held_batch (cause, detail)
        SELECT :cause, :detail WHERE NOT EXISTS (SELECT FROM standing)
        RETURNING id
    )
    SELECT id FROM standing UNION ALL SELECT id FROM made""")


def open_batch(conn: Connection, cause: str, detail: str) -> int:
    """Id of the open batch of this cause, created if there is none. `detail`: one line of why."""
    return int(conn.scalars(OPEN_BATCH, {"cause": cause, "detail": detail}).one())


# Indexes: delivery_ready, delivery_leased, delivery_retry.
HOLD_ALL = noted("""
    UPDATE session_worker.delivery
       SET state = 'held', reason = :cause, batch = :batch, retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE state IN ('planned', 'claimed')
        OR state IN ('failed', 'unknown') AND retry_at IS NOT NULL
    RETURNING id, state, reason""")

ANYTHING_TO_SEND = text("""
    SELECT EXISTS (SELECT FROM session_worker.delivery WHERE state = 'planned')
        OR EXISTS (SELECT FROM session_worker.delivery WHERE state IN ('claimed', 'sending'))
        OR EXISTS (SELECT FROM session_worker.delivery
                    WHERE state IN ('failed', 'unknown') AND retry_at IS NOT NULL)""")


@logged
def hold_all(conn: Connection, cause: str, detail: str) -> frozenset[int]:
    """planned, claimed, failed or unknown and waiting → held. Each cause has one open batch.
    Returns the ids that moved."""
    if not conn.scalar(ANYTHING_TO_SEND):
        return frozenset()
    batch = open_batch(conn, cause, detail)
    return frozenset(conn.scalars(HOLD_ALL, {"cause": cause, "batch": batch}))


# Indexes: as HOLD_ALL.
HOLD_DUE = noted("""
    UPDATE session_worker.delivery
       SET state = 'held', reason = :cause, batch = :batch, retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE due_at <= :due_by
       AND (state IN ('planned', 'claimed')
            OR state IN ('failed', 'unknown') AND retry_at IS NOT NULL)
    RETURNING id, state, reason""")

ANYTHING_DUE = text("""
    SELECT EXISTS (SELECT FROM session_worker.delivery
                    WHERE due_at <= :due_by AND (state IN ('planned', 'claimed')
                          OR state IN ('failed', 'unknown') AND retry_at IS NOT NULL))""")


@logged
def hold_due(conn: Connection, cause: str, detail: str, due_by: datetime | None) -> frozenset[int]:
    """As hold_all, but only messages due by `due_by` (aware); None holds nothing."""
    if due_by is None or not conn.scalar(ANYTHING_DUE, {"due_by": due_by}):
        return frozenset()
    batch = open_batch(conn, cause, detail)
    parameters = {"cause": cause, "batch": batch, "due_by": due_by}
    return frozenset(conn.scalars(HOLD_DUE, parameters))
