"""Queue of each channel, for messages that wait for a free connection to its provider.

A worker whose connections to a provider are all busy puts the message into the channel's queue and
continues with other channels' messages; a worker with a free connection claims from the queue. A
hanging provider therefore delays no other channel, and its messages are not claimed in vain
(docs/decisions/0054).
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.reminders.moves.move_log import logged

# Index: primary key. The lease is checked, as a lapsed one may have passed to another worker.
QUEUE_UP = text("""
    UPDATE session_worker.delivery
       SET state = 'planned', queue = :channel, holder = NULL, lease_until = NULL
     WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'claimed' AND holder = :holder
       AND lease_until > clock_timestamp()
    RETURNING id""")


@logged
def queue_up(conn: Connection, ids: Sequence[int], holder: UUID, channel: str) -> frozenset[int]:
    """claimed → planned, in the channel's queue: its connections are all busy. Returns the ids that
    moved."""
    parameters = {"ids": [*ids], "holder": holder, "channel": channel}
    return frozenset(conn.scalars(QUEUE_UP, parameters)) if ids else frozenset()


# Index: delivery_queued.
QUEUES = text("""
    SELECT DISTINCT queue FROM session_worker.delivery
     WHERE state = 'planned' AND queue IS NOT NULL ORDER BY queue""")


def queues(conn: Connection) -> list[str]:
    """Names of the channels with messages in their queues."""
    return [*conn.scalars(QUEUES)]
