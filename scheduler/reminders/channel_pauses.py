"""The switch for a bad day: channels are paused and resumed (design, "The wrong database").

Workers read it before each message, or every second in a long batch; it is in PostgreSQL, so
restarts and an emptied Redis leave it as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.refusal import LedgerRefusal

EVERY_CHANNEL = "*"


@dataclass(frozen=True, slots=True)
class Pause:
    """A channel that does not send; `*` is every channel."""

    channel: str
    reason: str | None
    paused_at: datetime


# Primary key. Paused already: since then, with the newer reason.
PAUSE = text("""
    INSERT INTO session_worker.pause (channel, reason, paused_at) VALUES (:channel, :reason, :now)
    ON CONFLICT (channel) DO UPDATE SET reason = coalesce(excluded.reason, pause.reason)
    RETURNING channel, reason, paused_at""")


def pause(conn: Connection, channel: str, reason: str | None, now: datetime) -> Pause:
    """Let nothing leave by this channel; EVERY_CHANNEL: by none at all."""
    row = conn.execute(PAUSE, {"channel": channel, "reason": reason, "now": now}).one()
    return Pause(*row)


# A handful of rows.
PAUSES = text("SELECT channel, reason, paused_at FROM session_worker.pause ORDER BY channel")


def pauses(conn: Connection) -> Sequence[Pause]:
    """What is paused now."""
    return [Pause(*row) for row in conn.execute(PAUSES)]


RESUME = text("""
    DELETE FROM session_worker.pause WHERE channel = :channel
    RETURNING channel, reason, paused_at""")
RESUME_ALL = text("DELETE FROM session_worker.pause RETURNING channel, reason, paused_at")


def resume(conn: Connection, channel: str, now: datetime) -> Sequence[Pause]:
    """Let the channel send again. Returns what was paused.

    Raises LedgerRefusal where every channel is paused: that has a switch of its own.
    """
    if any(each.channel == EVERY_CHANNEL for each in pauses(conn)):
        raise LedgerRefusal(
            f"every channel is paused, not {channel} alone: `celery -A tasks deliveries resume`"
            " lets all send again."
        )
    lifted = [Pause(*row) for row in conn.execute(RESUME, {"channel": channel})]
    wake(conn, now)
    return lifted


def resume_all(conn: Connection, now: datetime) -> Sequence[Pause]:
    """Let every channel send again, also those that were paused by name. Returns what was."""
    lifted = [Pause(*row) for row in conn.execute(RESUME_ALL)]
    wake(conn, now)
    return sorted(lifted, key=lambda each: each.channel)


# Index: delivery_ready. A worker looks again after half a minute; on resuming nobody waits for it.
# What is still paused is postponed again, what has begun the next pass lets expire.
WAKE = text("""
    UPDATE session_worker.delivery SET send_after = least(send_after, :now), reason = NULL
     WHERE state = 'planned' AND reason = 'paused'""")


def wake(conn: Connection, now: datetime) -> None:
    """Messages that waited for the end of a pause are due at once, soonest start first."""
    conn.execute(WAKE, {"now": now})


# A handful of rows.
PAUSED = text("SELECT channel FROM session_worker.pause")


def paused_channels(conn: Connection) -> frozenset[str]:
    """The channels that are switched off; EVERY_CHANNEL among them is all."""
    return frozenset(conn.scalars(PAUSED))


def is_paused(channel: str, paused: frozenset[str]) -> bool:
    return channel in paused or EVERY_CHANNEL in paused
