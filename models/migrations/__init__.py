"""Migrations of the schema `session_worker`, run by alembic from within `setup`.

Only a migration loads alembic: with what it loads itself it takes a tenth of the start of a command
that merely asks which migration the ledger is at.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from models.installation import SchemaIsNewer, record_installation

if TYPE_CHECKING:
    from alembic.config import Config

SCHEMA = "session_worker"
VERSION_TABLE = "migration"


# A worker's tick may hold the tables for a moment; setup may wait longer than a tick.
PATIENCE = text("SET LOCAL lock_timeout = '30s'")

# A number that no other code uses as an advisory lock.
LOCK = text("SELECT pg_advisory_xact_lock(7236548812040021)")


def take_turns(connection: Connection) -> None:
    """Make concurrent setups wait for each other, until the transaction's end."""
    connection.execute(PATIENCE)
    connection.execute(LOCK)


# Checked first, as CREATE SCHEMA IF NOT EXISTS needs the right to create even if it exists.
SCHEMA_EXISTS = text("SELECT to_regnamespace('session_worker') IS NOT NULL")
CREATE_SCHEMA = text("CREATE SCHEMA session_worker")


def upgrade(connection: Connection) -> None:
    """Bring `session_worker` to the newest migration, and record the ledger's home.

    Runs in the caller's transaction, which has to be committed. Safe to repeat and to run
    concurrently. Raises SchemaIsNewer where the ledger's migration is unknown.
    """
    take_turns(connection)
    if not connection.scalar(SCHEMA_EXISTS):
        connection.execute(CREATE_SCHEMA)
    refuse_newer(connection)
    migrate(connection, "head")
    record_installation(connection)


# What alembic keeps. A migration is one text in one row.
HAS_REVISION = text("SELECT to_regclass('session_worker.migration') IS NOT NULL")
REVISION = text("SELECT version_num FROM session_worker.migration")


def revision(connection: Connection) -> str | None:
    """The ledger's migration; None where there is no ledger yet."""
    if not connection.scalar(HAS_REVISION):
        return None
    current: str | None = connection.scalar(REVISION)
    return current


def newest_revision() -> str:
    """The migration that this worker needs."""
    return max(known_revisions())


def known_revisions() -> frozenset[str]:
    """The migrations of this worker, by the numbers that their files' names begin with."""
    files = (Path(__file__).parent / "versions").glob("[0-9]*_*.py")
    return frozenset(file.name.partition("_")[0] for file in files)


def refuse_newer(connection: Connection) -> None:
    """Raise SchemaIsNewer where the ledger is at a migration that this worker does not know."""
    current = revision(connection)
    if current is not None and current not in known_revisions():
        raise SchemaIsNewer(
            f"session_worker is at migration {current}, which this worker does not know:"
            " install the newer worker."
        )


def migrate(connection: Connection, target: str) -> None:
    """Bring a schema that is there to a migration, such as '0016', or to the newest: 'head'."""
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def alembic_config() -> Config:
    """Alembic's settings without an ini file."""
    from alembic.config import Config

    config = Config()
    # ConfigParser treats a percent sign in the folder's name as the start of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
