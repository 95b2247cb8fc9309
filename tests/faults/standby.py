"""PostgreSQL servers behind one address, for tests of switch-overs."""

from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from tasks.demo.servers import Durability, PostgresServer, Workspace, start_postgres
from tasks.demo.servers.accounts import unprivileged_account
from tasks.demo.servers.postgres import SETTINGS, command, data_folder, reachable_install, start_on
from tests import servers
from tests.relay import Relay


def primary_with_site(workspace: Workspace) -> PostgresServer:
    """A separate server with the database `site`, as the test kills it."""
    server = start_postgres(workspace, Durability.THROW_AWAY)
    servers.create_template(server, "template")
    servers.clone_template(server, "site", "template")
    return server


def standby_of(workspace: Workspace, primary: PostgresServer) -> PostgresServer:
    """A server that follows the primary, begun from a base backup."""
    return started_copy(workspace, primary, ("--write-recovery-conf",))


def copy_of(workspace: Workspace, primary: PostgresServer) -> PostgresServer:
    """A started base backup, beside the primary; nothing in it marks it as a copy."""
    return started_copy(workspace, primary, ())


def started_copy(
    workspace: Workspace, primary: PostgresServer, options: tuple[str, ...]
) -> PostgresServer:
    account = unprivileged_account()
    install = reachable_install(workspace, account)
    data = data_folder(workspace, Durability.THROW_AWAY, account)
    backup = (
        str(install / "bin" / "pg_basebackup"),
        "-D",
        str(data),
        "-d",
        primary.url("postgres"),
    )
    words = (*backup, *options, "--checkpoint=fast", "--no-sync")
    process = workspace.start(command("pg_basebackup", words, data, account))
    assert process.wait(60) == 0, workspace.log("pg_basebackup")
    workspace.ended(process)
    return start_on(data, workspace, install, SETTINGS[Durability.THROW_AWAY])


def promote(standby: PostgresServer) -> None:
    with psycopg2.connect(standby.url("postgres")) as connection:
        connection.cursor().execute("SELECT pg_promote()")


def socket_of(server: PostgresServer) -> Path:
    folder = make_url(server.url("site")).query["host"]
    return Path(str(folder)) / ".s.PGSQL.5432"


def url_by(relay: Relay, *others: str) -> str:
    """The URL of the database `site` by the relay's address, and others' (`host:port`)."""
    hosts = ",".join([*others, f"{relay.host}:{relay.port}"])
    return f"postgresql://worker@{hosts}/site"
