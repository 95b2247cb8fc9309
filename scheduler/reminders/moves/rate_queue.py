"""Queue of messages that wait for a channel's rate, soonest start first (promise 5).

A worker that finds a channel's rate used up postpones the message. When the rate allows more,
messages with a sooner start may have expired or been added, so every tick makes those that begin
soonest due, as many as the rate allows.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.settings import Rate

SECOND = timedelta(seconds=1)

# Indexes: delivery_paced, delivery_leased. Rows of one message were postponed together and become
# due together. Nothing becomes due while earlier ones are still claimed, as it could overtake them.
CALL_UP = text("""
    WITH soonest AS MATERIALIZED (
        SELECT recipient, kind, send_after
          FROM session_worker.delivery
         WHERE state = 'planned' AND reason = 'rate'
           AND NOT EXISTS (SELECT FROM session_worker.delivery
                            WHERE state = 'claimed' AND reason = 'rate')
         ORDER BY starts_at, urgency, kind, recipient, id
         LIMIT :messages
    )
    UPDATE session_worker.delivery d SET send_after = :now
      FROM soonest s
     WHERE d.state = 'planned' AND d.reason = 'rate' AND d.send_after > :now
       AND d.recipient = s.recipient AND d.kind = s.kind AND d.send_after = s.send_after
    RETURNING d.id""")


def call_up(conn: Connection, rates: Iterable[Rate], now: datetime) -> frozenset[int]:
    """Make the messages that begin soonest due at `now`, for each rate as many as it allows in a
    second, plus one. Returns their ids."""
    messages = sum(-(-rate.count * SECOND // rate.per) + 1 for rate in rates)
    if not messages:
        return frozenset()
    return frozenset(conn.scalars(CALL_UP, {"messages": messages, "now": now}))
