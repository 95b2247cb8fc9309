"""Claims: what is due is handed out in batches, under a lease on the database's clock.

What one person gets at one moment about sessions with the same start is one message, and so are
all notices that one person is to get (docs/decisions/0028). A message is claimed as a whole: only
who holds its first row, that of the soonest start, takes the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Batch:
    """Ledger rows that one worker holds: `holder` is the lease's name."""

    holder: UUID
    ids: tuple[int, ...]


# Indexes: delivery_ready, in its order, and delivery_told for the notices of one person; SKIP
# LOCKED lets claimants pass each other.
CLAIM = text("""
    WITH leader AS MATERIALIZED (
        SELECT d.starts_at, d.urgency, d.kind, d.recipient, d.message_key
          FROM session_worker.delivery d
         WHERE d.state = 'planned' AND d.send_after <= :now
           AND NOT EXISTS (
               SELECT FROM session_worker.delivery m
                WHERE m.state = 'planned' AND m.send_after <= :now
                  AND m.starts_at = d.starts_at AND m.urgency = d.urgency AND m.kind = d.kind
                  AND m.recipient = d.recipient AND m.id < d.id
                  AND m.message_key IS NOT DISTINCT FROM d.message_key)
           AND (d.kind <> 'notice' OR NOT EXISTS (
               SELECT FROM session_worker.delivery m
                WHERE m.state = 'planned' AND m.kind = 'notice' AND m.send_after <= :now
                  AND m.recipient = d.recipient AND (m.starts_at, m.id) < (d.starts_at, d.id)
                  AND m.message_key IS NOT DISTINCT FROM d.message_key))
         ORDER BY d.starts_at, d.urgency, d.kind, d.recipient, d.id
         LIMIT :messages
           FOR UPDATE SKIP LOCKED
    ), numbered AS (
        SELECT *, (row_number() OVER (ORDER BY starts_at, urgency, kind, recipient) - 1)
                  / CAST(:size AS integer) AS slot
          FROM leader
    ), of_start AS MATERIALIZED (
        SELECT m.id, n.slot
          FROM numbered n
          JOIN session_worker.delivery m
            ON m.starts_at = n.starts_at AND m.urgency = n.urgency AND m.kind = n.kind
           AND m.recipient = n.recipient
           AND m.message_key IS NOT DISTINCT FROM n.message_key
         WHERE m.state = 'planned' AND m.send_after <= :now AND n.kind <> 'notice'
           FOR UPDATE OF m SKIP LOCKED
    ), of_person AS MATERIALIZED (
        SELECT m.id, n.slot
          FROM numbered n
          JOIN session_worker.delivery m
            ON m.recipient = n.recipient
           AND m.message_key IS NOT DISTINCT FROM n.message_key
         WHERE m.state = 'planned' AND m.kind = 'notice' AND m.send_after <= :now
           AND n.kind = 'notice'
           FOR UPDATE OF m SKIP LOCKED
    ), taken AS (
        SELECT * FROM of_start UNION ALL SELECT * FROM of_person
    )
    UPDATE session_worker.delivery d
       SET state = 'claimed', holder = (CAST(:holders AS uuid[]))[t.slot + 1],
           lease_until = clock_timestamp() + :lease
      FROM taken t
     WHERE d.id = t.id AND d.state = 'planned'
    RETURNING d.id, t.slot""")


def claim(
    conn: Connection, now: datetime, batches: int, size: int, lease: timedelta
) -> list[Batch]:
    """planned → claimed: at most `batches` of `size` messages each; soonest start first.

    Commit it before the batches are handed to workers.
    """
    holders = [uuid4() for _ in range(batches)]
    parameters = {"now": now, "messages": batches * size, "size": size, "lease": lease}
    rows = conn.execute(CLAIM, {**parameters, "holders": [str(holder) for holder in holders]})
    ids: list[list[int]] = [[] for _ in holders]
    for row in rows:
        ids[row.slot].append(row.id)
    return [
        Batch(holder, tuple(sorted(part)))
        for holder, part in zip(holders, ids, strict=True)
        if part
    ]


# Index: delivery_leased. A lease that ran out is not revived: it may have passed on.
RENEW = text("""
    UPDATE session_worker.delivery SET lease_until = clock_timestamp() + :lease
     WHERE state IN ('claimed', 'sending') AND holder = :holder
       AND lease_until > clock_timestamp()
    RETURNING id""")


def renew(conn: Connection, holder: UUID, lease: timedelta) -> frozenset[int]:
    """Prolong what is left of a living lease; returns the rows that are still held."""
    return frozenset(conn.scalars(RENEW, {"holder": holder, "lease": lease}))


# Index: primary key.
RELEASE = text("""
    UPDATE session_worker.delivery SET state = 'planned', holder = NULL, lease_until = NULL
     WHERE id = ANY(:ids) AND state = 'claimed' AND holder = :holder
    RETURNING id""")


def release(conn: Connection, batch: Batch) -> frozenset[int]:
    """claimed → planned: the batch could not be handed out."""
    return frozenset(conn.scalars(RELEASE, {"ids": [*batch.ids], "holder": batch.holder}))


# Index: delivery_leased.
LAPSE = text("""
    UPDATE session_worker.delivery SET state = 'planned', holder = NULL, lease_until = NULL
     WHERE state = 'claimed' AND lease_until <= clock_timestamp()
    RETURNING id""")


def lapse(conn: Connection) -> frozenset[int]:
    """claimed → planned: the lease ran out before anything was sent."""
    return frozenset(conn.scalars(LAPSE))


# Index: delivery_leased.
COUNT_CLAIMED = text("SELECT count(*) FROM session_worker.delivery WHERE state = 'claimed'")


def count_claimed(conn: Connection) -> int:
    """How many ledger rows are in workers' hands, not yet sent."""
    return int(conn.scalars(COUNT_CLAIMED).one())
