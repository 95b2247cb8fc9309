"""Pause switch of the channels, for an admin on a bad day (design, "The wrong database").

Workers read it before each message, or every second in a long batch. It is kept in PostgreSQL, so
it survives restarts and an emptied Redis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.refusal import LedgerRefusal

EVERY_CHANNEL = "*"


@dataclass(frozen=True, slots=True)
class Pause:
    """A paused channel; `*` stands for every channel."""

    channel: str
    reason: str | None
    paused_at: datetime


# Primary key. A channel that is paused already keeps its time and gets the newer reason.
PAUSE = text("""
    INSERT INTO session_worker.pause (channel, reason, paused_at) VALUES (:channel, :reason, :now)
    ON CONFLICT (channel) DO UPDATE SET reason = coalesce(excluded.reason, pause.reason)
    RETURNING channel, reason, paused_at""")


def pause(conn: Connection, channel: str, reason: str | None, now: datetime) -> Pause:
    """Pause a channel, or all of them with EVERY_CHANNEL. `now` is aware; the caller commits."""
    row = conn.execute(PAUSE, {"channel": channel, "reason": reason, "now": now}).one()
    return Pause(*row)


# A handful of rows.
PAUSES = text("SELECT channel, reason, paused_at FROM session_worker.pause ORDER BY channel")


def pauses(conn: Connection) -> Sequence[Pause]:
    """All pauses now in force, by channel."""
    return [Pause(*row) for row in conn.execute(PAUSES)]


RESUME = text("""
    DELETE FROM session_worker.pause WHERE channel = :channel
    RETURNING channel, reason, paused_at""")
RESUME_ALL = text("DELETE FROM session_worker.pause RETURNING channel, reason, paused_at")


def resume(conn: Connection, channel: str, now: datetime) -> Sequence[Pause]:
    """Let the channel send again. Returns the pauses that ended.

    Raises LedgerRefusal where every channel is paused, which only `resume_all` ends.
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
    """End all pauses, those of single channels too. Returns the pauses that ended."""
    lifted = [Pause(*row) for row in conn.execute(RESUME_ALL)]
    wake(conn, now)
    return sorted(lifted, key=lambda each: each.channel)


# Index: delivery_ready. Paused messages are postponed by half a minute each time; on resuming they
# are due at once. A message whose channel is still paused is postponed again; one whose session has
# begun expires in the next pass.
WAKE = text("""
    UPDATE session_worker.delivery SET send_after = least(send_after, :now), reason = NULL
     WHERE state = 'planned' AND reason = 'paused'""")


def wake(conn: Connection, now: datetime) -> None:
    """Make the messages that waited for the end of a pause due at `now`, soonest start first."""
    conn.execute(WAKE, {"now": now})


# A handful of rows.
PAUSED = text("SELECT channel FROM session_worker.pause")


def paused_channels(conn: Connection) -> frozenset[str]:
    """Names of the paused channels; EVERY_CHANNEL among them stands for all."""
    return frozenset(conn.scalars(PAUSED))


def is_paused(channel: str, paused: frozenset[str]) -> bool:
    """True where the channel is in `paused_channels`'s answer, by name or as one of all."""
    return channel in paused or EVERY_CHANNEL in paused
