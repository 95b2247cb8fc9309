"""Messages that wait for a channel's rate: called up soonest start first (promise 5).

A worker that finds no place within the rate sends a message back to wait for a later one. By the
time that place is free, sooner ones may have expired or come in; so those that begin soonest are
called up again and again, as many as the rates may take.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.settings import Rate

SECOND = timedelta(seconds=1)

# Indexes: delivery_paced, delivery_leased. Rows of one message were sent back together, and are
# called up together. Nothing is called up beside what was before and is in a worker's hands yet: it
# could be overtaken.
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
    """Let those that begin soonest be due now: for each rate what it takes in a second, and one."""
    messages = sum(-(-rate.count * SECOND // rate.per) + 1 for rate in rates)
    if not messages:
        return frozenset()
    return frozenset(conn.scalars(CALL_UP, {"messages": messages, "now": now}))
