"""Detection of sessions that wait for a lock."""

from sqlalchemy import text

from tests.servers import connect

WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'""")


def someone_waits(url: str) -> bool:
    """True if a connection to this database waits for a lock of any kind.

    Asked on a connection of its own: a transaction sees pg_stat_activity as it was at first.
    """
    with connect(url) as watch:
        return bool(watch.scalar(WAITING))
