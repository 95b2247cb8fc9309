"""Migrations of the schema `session_worker`, run by alembic from within `setup`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models.installation import SchemaIsNewer, record_installation

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


def revision(connection: Connection) -> str | None:
    """The ledger's migration; None where there is no ledger yet."""
    options = {"version_table": VERSION_TABLE, "version_table_schema": SCHEMA}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def newest_revision() -> str:
    """The migration that this worker needs."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head() or ""


def refuse_newer(connection: Connection) -> None:
    """Raise SchemaIsNewer where the ledger is at a migration that this worker does not know."""
    current = revision(connection)
    known = {
        script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    }
    if current is not None and current not in known:
        raise SchemaIsNewer(
            f"session_worker is at migration {current}, which this worker does not know:"
            " install the newer worker."
        )


def migrate(connection: Connection, target: str) -> None:
    """Bring a schema that is there to a migration, such as '0016', or to the newest: 'head'."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def alembic_config() -> Config:
    """Alembic's settings without an ini file."""
    config = Config()
    # ConfigParser treats a percent sign in the folder's name as the start of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
