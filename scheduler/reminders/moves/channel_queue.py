"""Messages that wait for their channel's connections: each channel has a queue of its own.

A worker that finds all its connections to a provider busy puts the message into the channel's
queue and goes on with other channels' messages; whoever has a connection free claims from there.
So a provider that hangs keeps nobody else's messages, and is not looked at in vain
(docs/decisions/0054).
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

# Index: primary key. The lease is checked: what has passed on is another's.
QUEUE_UP = text("""
    UPDATE session_worker.delivery
       SET state = 'planned', queue = :channel, holder = NULL, lease_until = NULL
     WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'claimed' AND holder = :holder
       AND lease_until > clock_timestamp()
    RETURNING id""")


def queue_up(conn: Connection, ids: Sequence[int], holder: UUID, channel: str) -> frozenset[int]:
    """claimed → planned, in the channel's queue: its connections are all busy."""
    parameters = {"ids": [*ids], "holder": holder, "channel": channel}
    return frozenset(conn.scalars(QUEUE_UP, parameters)) if ids else frozenset()


# Index: delivery_queued.
QUEUES = text("""
    SELECT DISTINCT queue FROM session_worker.delivery
     WHERE state = 'planned' AND queue IS NOT NULL ORDER BY queue""")


def queues(conn: Connection) -> list[str]:
    """The channels for whose connections messages wait."""
    return [*conn.scalars(QUEUES)]
