"""The ledger recognises its server and database, and detects a copy."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from models.installation import (
    Recorded,
    Whereabouts,
    addresses_in,
    addresses_of,
    adopt_installation,
    home_of,
    installation_matches,
    note_addresses,
    record_installation,
    recorded_home,
    whereabouts,
)
from models.migrations import upgrade
from tasks.demo.servers import create_database, drop_database
from tasks.demo.servers.binaries import postgres_install
from tasks.demo.servers.databases import Server
from tests.servers import connect

PROGRAMS = postgres_install() / "bin"


def test_a_ledger_is_at_home_where_it_was_set_up(conn: Connection) -> None:
    assert installation_matches(conn)


def test_a_ledger_set_up_again_stays_at_home(conn: Connection) -> None:
    upgrade(conn)

    assert installation_matches(conn)


def test_a_ledger_without_a_home_matches_nothing(conn: Connection) -> None:
    conn.execute(text("DELETE FROM session_worker.installation"))

    assert not installation_matches(conn)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "system_identifier = '7'",
        "database_name = 'staging'",
        "timeline = timeline + 1",
        "objects = '1:2:3'",
        "addresses = '{db.example:5432}'",
    ],
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


def test_a_ledger_that_was_dropped_and_restored_in_its_place_is_not_at_home(
    conn: Connection, database: str
) -> None:
    dump = subprocess.run(
        [PROGRAMS / "pg_dump", "--clean", database], capture_output=True, check=True
    )
    subprocess.run(
        [PROGRAMS / "psql", "-v", "ON_ERROR_STOP=1", "-q", database],
        input=dump.stdout, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip

    assert not installation_matches(conn)


def test_a_database_that_took_anothers_name_is_not_at_home(
    postgres: Server, empty_database: str
) -> None:
    with connect(empty_database) as conn:
        upgrade(conn)
        conn.commit()
        name = str(conn.scalar(text("SELECT current_database()")))
    create_database(postgres, f"{name}_new", name)
    with connect(postgres.url("postgres")) as admin:
        admin.execution_options(isolation_level="AUTOCOMMIT")
        admin.execute(text(f"ALTER DATABASE {name} RENAME TO {name}_old"))
        admin.execute(text(f"ALTER DATABASE {name}_new RENAME TO {name}"))

    with connect(empty_database) as conn:
        assert whereabouts(conn) is Whereabouts.ELSEWHERE
    drop_database(postgres, f"{name}_old")


def test_the_way_to_the_ledger_is_noted_at_a_workers_first_round(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET addresses = '{}'"))
    assert installation_matches(conn)

    note_addresses(conn)

    assert recorded_home(conn) == Recorded(home_of(conn), addresses_of(conn))


def test_another_way_to_the_same_database_can_be_adopted_beside_the_first(
    conn: Connection,
) -> None:
    conn.execute(text("UPDATE session_worker.installation SET addresses = '{db.example:5432}'"))
    assert whereabouts(conn) is Whereabouts.OTHER_ADDRESS

    adopt_installation(conn)

    recorded = recorded_home(conn)
    assert recorded is not None
    assert recorded.addresses == addresses_of(conn) | {"db.example:5432"}


def test_a_copy_that_is_adopted_forgets_where_it_was(conn: Connection) -> None:
    conn.execute(
        text("UPDATE session_worker.installation"
             " SET system_identifier = '7', addresses = '{db.example:5432}'")
    )  # fmt: skip

    adopt_installation(conn)

    assert recorded_home(conn) == Recorded(home_of(conn), frozenset())


@pytest.mark.parametrize(
    ("dsn", "addresses"),
    [
        ({"host": "DB.example", "port": "5433"}, {"db.example:5433"}),
        ({"host": "127.0.0.1", "port": "5432"}, {"localhost:5432"}),
        ({"host": "localhost", "port": ""}, {"localhost:5432"}),
        ({"host": "one,two", "port": "5432,5433"}, {"one:5432", "two:5433"}),
        ({"host": "one,two", "port": "5434"}, {"one:5434", "two:5434"}),
        ({"hostaddr": "10.0.0.7", "port": "5432"}, {"10.0.0.7:5432"}),
        ({"host": "/run//postgresql/", "port": "5432"}, {"/run/postgresql:5432"}),
    ],
)
def test_an_address_is_read_from_what_libpq_was_given(
    dsn: dict[str, str], addresses: set[str]
) -> None:
    assert addresses_in(dsn, "") == addresses


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
