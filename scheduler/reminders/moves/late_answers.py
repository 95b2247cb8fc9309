"""Moves for a provider's yes, or its receipt, that arrives after its lease has lapsed.

Once the yes is recorded, nothing is sent for the message unless an admin asks for it: the row is
`sent`, wherever it was. A repeat that is being sent cannot be called back, so its outcome is
awaited (docs/decisions/0093).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.move_log import logged

# Index: primary key. A worker that has claimed the row can no longer begin to send it.
MARK_SENT_LATE = text("""
    UPDATE session_worker.delivery
       SET state = 'sent', reason = NULL, sent_at = :now, retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE id = ANY(CAST(:ids AS bigint[]))
       AND state IN ('planned', 'claimed', 'unknown', 'held', 'failed', 'obsolete', 'expired',
                     'unreachable')
    RETURNING id""")


@logged
def mark_sent_late(conn: Connection, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """planned, claimed, unknown, held, failed, obsolete, expired or unreachable → sent.

    The provider accepted it after the lease had lapsed, or its receipt says that it arrived.
    """
    return frozenset(conn.scalars(MARK_SENT_LATE, {"ids": [*ids], "now": now}))


# Indexes: primary key, attempt_delivery. It was sent when the accepted try ended.
MARK_ACCEPTED_BEFORE = text("""
    UPDATE session_worker.delivery d
       SET state = 'sent', reason = NULL, retry_at = NULL,
           sent_at = (SELECT max(t.ended_at) FROM session_worker.attempt t
                       WHERE t.delivery_id = d.id AND t.outcome = 'sent')
     WHERE d.id = ANY(CAST(:ids AS bigint[]))
       AND (d.state IN ('failed', 'unknown') OR d.state = 'held' AND d.reason = 'no_answer')
       AND EXISTS (SELECT FROM session_worker.attempt t
                    WHERE t.delivery_id = d.id AND t.outcome = 'sent'
                      AND t.receipt IS DISTINCT FROM 'undelivered'
                      AND t.begun_at >= coalesce(d.tries_since, '-infinity'))
    RETURNING d.id""")


@logged
def mark_accepted_before(conn: Connection, ids: Sequence[int]) -> frozenset[int]:
    """failed, unknown or held → sent: an earlier try was accepted, and its answer came late."""
    return frozenset(conn.scalars(MARK_ACCEPTED_BEFORE, {"ids": [*ids]}))
