"""The schema `session_worker`: created and brought up to date by alembic, from within."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from models.installation import record_installation

# Two runs at once wait for each other here; the number is the worker's alone.
LOCK = text("SELECT pg_advisory_xact_lock(7236548812040021)")

# A worker's tick may hold its tables for a moment; setup can wait longer than a tick may.
PATIENCE = text("SET LOCAL lock_timeout = '30s'")

# Asked first: CREATE SCHEMA IF NOT EXISTS wants the right to create even where it is there.
SCHEMA_EXISTS = text("SELECT to_regnamespace('session_worker') IS NOT NULL")
CREATE_SCHEMA = text("CREATE SCHEMA session_worker")


def upgrade(connection: Connection) -> None:
    """Bring `session_worker` to the newest migration, and note whose ledger it is.

    Runs within the caller's transaction: commit it, or nothing has changed. Safe to repeat, and
    safe when two run at once.
    """
    connection.execute(PATIENCE)
    connection.execute(LOCK)
    if not connection.scalar(SCHEMA_EXISTS):
        connection.execute(CREATE_SCHEMA)
    run_alembic(connection)
    record_installation(connection)


def run_alembic(connection: Connection) -> None:
    config = Config()
    # ConfigParser would read a percent sign in the folder's name as the start of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
