"""Alembic's environment for the schema `session_worker`; setup passes the connection."""

from alembic import context
from sqlalchemy import Connection


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        version_table="migration",
        version_table_schema="session_worker",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


migrate(context.config.attributes["connection"])
