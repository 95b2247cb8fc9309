"""The ledger knows its server and database, and notices when it woke up elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from models.installation import (
    adopt_installation,
    home_of,
    installation_matches,
    record_installation,
)
from models.migrations import upgrade
from tasks.demo.servers import create_database, drop_database
from tasks.demo.servers.databases import Server
from tests.servers import connect


def test_a_ledger_is_at_home_where_it_was_set_up(conn: Connection) -> None:
    assert installation_matches(conn)


def test_a_ledger_set_up_again_stays_at_home(conn: Connection) -> None:
    upgrade(conn)

    assert installation_matches(conn)


def test_a_ledger_without_a_home_matches_nothing(conn: Connection) -> None:
    conn.execute(text("DELETE FROM session_worker.installation"))

    assert not installation_matches(conn)


@pytest.mark.parametrize(
    "elsewhere", ["system_identifier = '7'", "database_name = 'staging'", "timeline = timeline + 1"]
)
def test_a_ledger_notices_that_it_is_elsewhere(conn: Connection, elsewhere: str) -> None:
    conn.execute(text(f"UPDATE session_worker.installation SET {elsewhere}"))

    assert not installation_matches(conn)


def test_a_copy_of_the_database_is_not_the_ledgers_home(
    postgres: Server, empty_database: str
) -> None:
    with connect(empty_database) as conn:
        upgrade(conn)
        conn.commit()
        name = str(conn.scalar(text("SELECT current_database()")))

    with copied(postgres, name) as copy, connect(copy) as conn:
        assert not installation_matches(conn)


def test_a_ledger_elsewhere_stays_so_when_set_up_again(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'live'"))

    upgrade(conn)

    assert not installation_matches(conn)


def test_a_ledger_elsewhere_can_be_adopted(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'live'"))

    adopt_installation(conn)

    assert installation_matches(conn)


def test_adopting_leaves_how_far_planning_has_come(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET planned_until = '2026-12-01Z'"))

    adopt_installation(conn)

    kept = text("SELECT planned_until IS NOT NULL FROM session_worker.installation")
    assert conn.scalar(kept)


def test_a_guest_without_the_right_to_ask_the_server_has_a_home_too(conn: Connection) -> None:
    with asked_without_rights(conn):
        conn.execute(text("DELETE FROM session_worker.installation"))
        record_installation(conn)

        assert installation_matches(conn)
        assert home_of(conn).system_identifier.startswith("oid:")


@contextmanager
def asked_without_rights(conn: Connection) -> Iterator[None]:
    """In a role that may not call pg_control_system(); rolled back at the end."""
    for statement in (
        "CREATE ROLE guest_without_rights",
        "GRANT USAGE ON SCHEMA session_worker TO guest_without_rights",
        "GRANT ALL ON session_worker.installation TO guest_without_rights",
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
        "SET LOCAL ROLE guest_without_rights",
    ):
        conn.execute(text(statement))
    yield
    conn.rollback()


@contextmanager
def copied(server: Server, name: str) -> Iterator[str]:
    create_database(server, f"{name}_copy", name)
    yield server.url(f"{name}_copy")
    drop_database(server, f"{name}_copy")
