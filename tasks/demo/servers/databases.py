"""Creating and dropping databases on a PostgreSQL server, embedded or not."""

from contextlib import closing
from typing import Protocol

import psycopg2
from psycopg2 import sql


class Server(Protocol):
    def url(self, database: str) -> str: ...


def create_database(server: Server, name: str, template: str = "template1") -> None:
    """Nobody may be connected to the template meanwhile."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    run(server, statement.format(sql.Identifier(name), sql.Identifier(template)))


def freeze_database(server: Server, name: str) -> None:
    """Let nobody connect any more, autovacuum included: a template that is always free to copy."""
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
    run(server, statement.format(sql.Identifier(name)))


def drop_database(server: Server, name: str) -> None:
    """Drop it if it is there; who is still connected is cut off."""
    run(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def run(server: Server, statement: sql.Composed) -> None:
    with closing(psycopg2.connect(server.url("postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)
