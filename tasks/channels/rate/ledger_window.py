"""The window in PostgreSQL: attempts in the ledger, and permits taken while Redis is down.

An attempt is written before its message is sent (promise 3), but after its permit is taken.
Permits are therefore rows of their own, and the fuller of the two windows counts.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, Engine, text

from scheduler.settings import ChannelName, Rate
from scheduler.turns import commit_without_flush, wait_rate_turn
from tasks.channels.rate.limiter import GO

# Index: attempt_recent. A message about several sessions has an attempt for each.
RECENT = text("""
    SELECT clock_timestamp() - max(begun_at) AS age
      FROM session_worker.attempt
     WHERE channel = :channel AND begun_at > clock_timestamp() - CAST(:per AS interval)
     GROUP BY message_key, begun_at
     ORDER BY age
     LIMIT :count""")

# Index: permit_recent, attempt_recent. The count-th newest, on either side, must have left the
# window. Its own statement, so that its snapshot is taken after the turn has come.
WAIT = text("""
    SELECT greatest(
        (SELECT granted_at FROM session_worker.permit
          WHERE channel = :channel AND granted_at > clock_timestamp() - CAST(:per AS interval)
          ORDER BY granted_at DESC OFFSET :count - 1 LIMIT 1),
        (SELECT begun_at FROM session_worker.attempt
          WHERE channel = :channel AND begun_at > clock_timestamp() - CAST(:per AS interval)
          GROUP BY message_key, begun_at
          ORDER BY begun_at DESC OFFSET :count - 1 LIMIT 1)
    ) + CAST(:per AS interval) - clock_timestamp()""")

# Index: permit_recent.
GRANT = text("""
    INSERT INTO session_worker.permit (channel, granted_at) VALUES (:channel, clock_timestamp())""")
FORGET = text("""
    DELETE FROM session_worker.permit
     WHERE channel = :channel AND granted_at < clock_timestamp() - CAST(:per AS interval)""")


class LedgerWindow:
    """Window of one channel. Its methods raise DBAPIError where PostgreSQL is down."""

    def __init__(self, engine: Engine, channel: ChannelName, rate: Rate) -> None:
        self._engine = engine
        self._channel = channel.value
        self._values = {"channel": self._channel, "per": rate.per, "count": rate.count}

    def recent(self) -> Sequence[timedelta]:
        """Ages of the last span's messages, newest first."""
        with self._engine.connect() as conn:
            return list(conn.scalars(RECENT, self._values))

    def take(self) -> timedelta:
        """Take a permit and return zero, or return the time to wait."""
        with self._engine.begin() as conn:
            wait_rate_turn(conn, self._channel)
            wait = conn.scalar(WAIT, self._values) or GO
            if wait <= GO:
                self._grant(conn)
            return max(wait, GO)

    def _grant(self, conn: Connection) -> None:
        commit_without_flush(conn)  # a place lost in a crash does no harm
        for statement in (FORGET, GRANT):
            conn.execute(statement, self._values)
