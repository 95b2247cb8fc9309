"""A site's database with just what the worker needs, and one with the older whiteboard."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from models.catalog import NEEDED
from models.site import SITE_TABLES

OLDER_WHITEBOARD = """
    ALTER TABLE whiteboard_sessions
          DROP COLUMN session_date, DROP COLUMN start_time, DROP COLUMN end_time,
          DROP COLUMN session_name, ADD COLUMN session_title varchar,
          ADD COLUMN scheduled_start timestamp, ADD COLUMN scheduled_end timestamp"""


def drop_the_optional(conn: Connection) -> None:
    """Leave each table only its needed columns, and drop the tables that are optional."""
    for table in reversed(SITE_TABLES.sorted_tables):
        if table.name not in NEEDED:
            conn.execute(text(f"DROP TABLE {table.name}"))
    for name, needed in NEEDED.items():
        drop_columns(
            conn, name, [c.name for c in SITE_TABLES.tables[name].c if c.name not in needed]
        )


def drop_columns(conn: Connection, table: str, columns: Iterable[str]) -> None:
    for column in columns:
        conn.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))


def make_the_whiteboard_older(conn: Connection) -> None:
    conn.execute(text(OLDER_WHITEBOARD))
