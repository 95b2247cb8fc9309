"""A database that tests use again holds nothing of the one before; a changed one is dropped."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tasks.demo.servers.databases import Server
from tests import servers
from tests.builders import a_session
from tests.clean_databases import CleanDatabases

SETTING_OF_THE_DATABASE = """
    DO $$BEGIN
        EXECUTE format('ALTER DATABASE %I SET timezone = UTC', current_database());
    END$$"""
COUNT = text("SELECT count(*) FROM tutor_sessions")


@pytest.fixture
def databases(postgres: Server, template: str) -> Iterator[CleanDatabases]:
    made = CleanDatabases(postgres, template)
    yield made
    made.drop_all()


def run(databases: CleanDatabases, name: str, statement: str) -> None:
    with servers.connect(databases.server.url(name)) as conn:
        conn.execute(text(statement))
        conn.commit()


def test_rows_are_gone_and_ids_begin_anew(databases: CleanDatabases) -> None:
    name = databases.take()
    with servers.connect(databases.server.url(name)) as conn:
        first = a_session(conn)
        conn.execute(text("DELETE FROM session_worker.zone"))
        conn.commit()

    databases.give_back(name)

    assert databases.take() == name
    with servers.connect(databases.server.url(name)) as conn:
        assert conn.scalar(COUNT) == 0
        assert conn.scalar(text("SELECT count(*) FROM session_worker.zone")) > 0
        assert a_session(conn) == first


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE of_a_test ()",
        "ALTER TABLE tutor_sessions ADD COLUMN of_a_test int",
        "CREATE INDEX ON tutor_sessions (start_time)",
        "DROP TABLE whiteboard_chat_messages",
        "ALTER TABLE tutor_sessions ADD CHECK (id > 0)",
        "CREATE TYPE of_a_test AS ENUM ('a')",
        "CREATE RULE of_a_test AS ON DELETE TO users DO NOTHING",
        "CREATE OR REPLACE FUNCTION of_a_test() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON users TO PUBLIC",
        "GRANT ALL ON SCHEMA session_worker TO PUBLIC",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
        "ANALYZE users",
        SETTING_OF_THE_DATABASE,
        "CREATE PUBLICATION of_a_test",
    ],
)  # fmt: skip
def test_one_that_is_not_as_it_was_made_is_dropped(databases: CleanDatabases, change: str) -> None:
    name = databases.take()
    run(databases, name, "INSERT INTO users DEFAULT VALUES" if "ANALYZE" in change else "SELECT 1")
    run(databases, name, change)

    databases.give_back(name)

    assert databases.take() != name


def test_what_another_session_has_not_committed_is_given_up(databases: CleanDatabases) -> None:
    name = databases.take()
    with servers.connect(databases.server.url(name)) as forgotten:
        a_session(forgotten)

        databases.give_back(name)

        assert databases.take() == name
        forgotten.invalidate()
    with servers.connect(databases.server.url(name)) as conn:
        assert conn.scalar(COUNT) == 0
