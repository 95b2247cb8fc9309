"""Circuit breakers of the channels, from the results of their last tries (promises 3 and 6).

After some consecutive failures that no single message caused, a channel is down. Its messages wait
or go by the person's next channel, and one at a time is tried as a probe. All workers share this
state; its times are the database clock's. docs/decisions/0052 has the figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

# Consecutive failures after which a channel is down. Failures older than MEMORY do not count.
LIMIT = 3
# The same where the provider answered "too many requests": it may accept the next message, as its
# limit may be for one person or for one second.
BUSY_LIMIT = 10
MEMORY = timedelta(minutes=10)
# Between two probes: 2 s, 4 s, 8 s, then 15 s. A provider that is back is noticed within that time.
FIRST_PROBE = timedelta(seconds=2)
LONGEST_PROBE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A channel whose last tries failed. `down_since` is None where it is not down (yet).

    `probe_due`: a message may be tried now, to see if the channel is back (`take_probe`).
    """

    channel: str
    failures: int
    reason: str | None
    failed_at: datetime
    down_since: datetime | None
    probe_due: bool


# A handful of rows.
TROUBLES = text("""
    SELECT channel, failures, reason, failed_at, down_since,
           coalesce(probe_at <= clock_timestamp(), false) AS probe_due
      FROM session_worker.channel_trouble ORDER BY channel""")


def troubles(conn: Connection) -> Mapping[str, Trouble]:
    """Channel → its trouble. A channel whose last try succeeded has no entry."""
    return {row.channel: Trouble(*row) for row in conn.execute(TROUBLES)}


# Primary key. After a success of another worker's, which deletes the row, the count starts anew.
NOTE_FAILURE = text("""
    INSERT INTO session_worker.channel_trouble AS t (channel, failures, reason, failed_at)
    VALUES (:channel, 1, :reason, clock_timestamp())
    ON CONFLICT (channel) DO UPDATE
       SET reason = excluded.reason, failed_at = excluded.failed_at,
           failures = CASE WHEN t.down_since IS NULL AND t.failed_at < excluded.failed_at - :memory
                           THEN 1 ELSE t.failures + 1 END""")
CLOSE = text("""
    UPDATE session_worker.channel_trouble
       SET down_since = clock_timestamp(), probe_at = clock_timestamp() + :first
     WHERE channel = :channel AND down_since IS NULL AND failures >= :limit
    RETURNING channel""")


def note_failure(conn: Connection, channel: str, reason: str, limit: int = LIMIT) -> bool:
    """Count a failure that was the channel's own. Returns True where the channel goes down by it.

    `limit`: the number of consecutive failures after which it is down.
    """
    seen = {"channel": channel, "reason": reason, "memory": MEMORY}
    conn.execute(NOTE_FAILURE, seen)
    closing = {"channel": channel, "first": FIRST_PROBE, "limit": limit}
    return conn.scalar(CLOSE, closing) is not None


# Indexes: primary key; delivery_ready and delivery_retry. Messages that waited are due at once,
# soonest start first.
FORGET = text("""
    DELETE FROM session_worker.channel_trouble WHERE channel = :channel
    RETURNING down_since IS NOT NULL AS was_down""")
WAKE_WAITING = text("""
    UPDATE session_worker.delivery SET send_after = least(send_after, :now), reason = NULL
     WHERE state = 'planned' AND reason = 'channel_down'""")
WAKE_FAILED = text("""
    UPDATE session_worker.delivery SET retry_at = least(retry_at, :now)
     WHERE state = 'failed' AND retry_at > :now AND channel = :channel""")


def note_success(conn: Connection, channel: str, now: datetime) -> bool:
    """End the channel's trouble, as its provider answered. Returns True where it was down.

    Messages that waited for it or failed on it in the meantime are due at `now`.
    """
    if not conn.scalar(FORGET, {"channel": channel}):
        return False
    conn.execute(WAKE_WAITING, {"now": now})
    conn.execute(WAKE_FAILED, {"now": now, "channel": channel})
    return True


# Primary key. Only one worker gets the probe.
TAKE_PROBE = text("""
    UPDATE session_worker.channel_trouble
       SET probes = probes + 1,
           probe_at = clock_timestamp() + least(:longest, :first * power(2, least(probes + 1, 10)))
     WHERE channel = :channel AND down_since IS NOT NULL AND probe_at <= clock_timestamp()
    RETURNING channel""")


def take_probe(conn: Connection, channel: str) -> bool:
    """Take the probe of a channel that is down. True: the caller may try one message; commit
    before the try."""
    waits = {"first": FIRST_PROBE, "longest": LONGEST_PROBE}
    return conn.scalar(TAKE_PROBE, {"channel": channel, **waits}) is not None
