"""Creating and dropping databases on a PostgreSQL server, embedded or not."""

from contextlib import closing
from typing import Protocol

import psycopg2
from psycopg2 import sql


class Server(Protocol):
    def url(self, database: str) -> str: ...


def create_database(server: Server, name: str, template: str = "template1") -> None:
    """Create a database from a template, to which nobody may be connected meanwhile."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    run(server, statement.format(sql.Identifier(name), sql.Identifier(template)))


def freeze_database(server: Server, name: str) -> None:
    """Forbid connections, autovacuum's too, so that the database can be copied as a template at any
    time."""
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
    run(server, statement.format(sql.Identifier(name)))


def drop_database(server: Server, name: str) -> None:
    """Drop a database if it exists; open connections are terminated."""
    run(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def run(server: Server, statement: sql.Composed) -> None:
    with closing(psycopg2.connect(server.url("postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)
