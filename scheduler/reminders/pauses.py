"""The switch for a bad day: which channels are not to send (design, "The wrong database")."""

from sqlalchemy import Connection, text

EVERY_CHANNEL = "*"

# A handful of rows.
PAUSED = text("SELECT channel FROM session_worker.pause")


def paused_channels(conn: Connection) -> frozenset[str]:
    """The channels that are switched off; EVERY_CHANNEL among them is all."""
    return frozenset(conn.scalars(PAUSED))


def is_paused(channel: str, paused: frozenset[str]) -> bool:
    return channel in paused or EVERY_CHANNEL in paused
