"""The servers that tests run on: embedded ones, or those the environment names.

`TEST_DATABASE_URL`: a database of a PostgreSQL server whose user may create databases.
`TEST_REDIS_URL`: a Redis or Valkey database that tests may flush; with `pytest -n 4` the three
databases after it, too.

`TEST_POSTGRES`: a folder with another release's `bin`, such as /usr/lib/postgresql/15, and
`TEST_REDIS` another program, such as /usr/bin/redis-server: what the tests start is of that kind,
also where they stop, kill or switch it (docs/versions.md).
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import redis
from psycopg2 import sql
from sqlalchemy import Connection, Engine, NullPool, PoolResetState, create_engine, event, make_url

from models.installation import adopt_installation
from models.migrations import upgrade
from models.site import create_site_tables
from models.whiteboard import WhiteboardSession as WhiteboardSession  # makes its tables known
from scheduler.settings import Settings
from tasks.database import engine as worker_engine
from tasks.demo.servers import (
    Durability,
    PostgresServer,
    Workspace,
    binaries,
    create_database,
    freeze_database,
    start_postgres,
    start_valkey,
)
from tasks.demo.servers import postgres as embedded_postgres
from tasks.demo.servers import valkey as embedded_valkey
from tasks.demo.servers.databases import Server, run
from tests import worker_role


def start_other_kinds() -> None:
    """Done as this module is imported: before any other names what starts a server."""
    if folder := os.environ.get("TEST_POSTGRES"):
        setattr(embedded_postgres, "reachable_install", lambda *_: Path(folder))  # noqa: B010
        setattr(binaries, "postgres_install", lambda: Path(folder))  # noqa: B010  (pg_dump, psql)
    setattr(embedded_valkey, "valkey_binary", redis_program)  # noqa: B010


def redis_program() -> Path:
    """Which is its own sentinel, too."""
    return Path(os.environ.get("TEST_REDIS") or binaries.valkey_binary())


start_other_kinds()


@dataclass(frozen=True, slots=True)
class OutsidePostgres:
    """The server that `TEST_DATABASE_URL` names."""

    given: str

    def url(self, database: str) -> str:
        url = make_url(self.given).set(database=database)
        return url.render_as_string(hide_password=False)


def postgres_for_tests(workspace: Workspace) -> Server:
    if given := os.environ.get("TEST_DATABASE_URL"):
        return OutsidePostgres(given)
    # More than the default: a test may run a worker, beat and a crowd of claimants side by side.
    return start_postgres(workspace, Durability.THROW_AWAY, {"max_connections": "200"})


def valkey_url_for_tests(workspace: Workspace) -> str:
    if given := os.environ.get("TEST_REDIS_URL"):
        return outside_valkey_url(given, os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
    return start_valkey(workspace).url()


def outside_valkey_url(given: str, test_process: str) -> str:
    """A database for each of pytest-xdist's processes (gw0, gw1, …): they flush theirs."""
    url = make_url(given)
    number = int(url.database or 0) + int(test_process.removeprefix("gw"))
    return url.set(database=str(number)).render_as_string(hide_password=False)


def flush(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()


def engine_on(url: str) -> Engine:
    """An engine without a pool, so that nothing stays connected to a database to be dropped."""
    return create_engine(make_url(url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)


def create_template(server: Server, name: str) -> None:
    """A database with the site's tables and `session_worker`, to be cloned for each test."""
    create_database(server, name)
    with engine_on(server.url(name)).begin() as connection:
        create_site_tables(connection)
        upgrade(connection)
    if worker_role.is_asked_for():
        worker_role.grant(engine_on(server.url(name)))
    freeze_database(server, name)


# On a server that writes nothing through, this takes half of what it takes by the log.
COPY_FILES = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"


def clone_template(server: Server, name: str, template: str) -> None:
    """A database like the template, whose ledger knows that it is at home there."""
    if isinstance(server, PostgresServer):
        run(server, sql.SQL(COPY_FILES).format(sql.Identifier(name), sql.Identifier(template)))
    else:
        create_database(server, name, template)
    with engine_on(server.url(name)).begin() as connection:
        adopt_installation(connection)


def connect(url: str) -> Connection:
    """A new connection, which ends when it is closed."""
    return engine_without_pool(url).connect()


# A new engine asks the server four questions before its first statement.
engine_without_pool = lru_cache(8)(engine_on)


# Process ids of the server's sessions that stay connected from one test to the next.
KEPT_CONNECTIONS = set[int]()


@lru_cache(8)
def shared_engine_on(url: str) -> Engine:
    """An engine that tests share: a new one compiles each statement anew, and a new connection
    reads the catalog anew, which took a third of a test's time."""
    made = create_engine(make_url(url).set(drivername="postgresql+psycopg2"), pool_pre_ping=True)
    event.listen(made, "reset", forget_session)
    return keep_connections(made)


@lru_cache(8)
def shared_worker_engine_on(url: str) -> Engine:
    """As `shared_engine_on`, with a worker's connections."""
    return keep_connections(worker_engine(Settings(database_url=url)))


def keep_connections(engine: Engine) -> Engine:
    event.listen(engine, "connect", keep_connection)
    return engine


def keep_connection(connection: Any, _record: Any) -> None:
    KEPT_CONNECTIONS.add(connection.info.backend_pid)


# All of DISCARD ALL but prepared statements, and possible in a transaction.
FORGET = """
    RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; UNLISTEN *; DISCARD TEMP;
    SELECT pg_advisory_unlock_all()"""


def forget_session(connection: Any, _record: Any, state: PoolResetState) -> None:
    """A connection comes back as it was made, whatever a test has set."""
    connection.rollback()
    if not state.terminate_only:
        connection.cursor().execute(FORGET)
        connection.commit()
