"""The schema session_worker is created once, upgraded, and never left half done."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from models import migrations
from models.installation import SchemaIsNewer
from models.migrations import newest_revision, revision, upgrade
from models.worker import WorkerBase
from tests.servers import connect, engine_on

SCHEMA_EXISTS = text("SELECT to_regnamespace('session_worker') IS NOT NULL")


def test_an_empty_database_gets_the_newest_schema(empty_database: str) -> None:
    with connect(empty_database) as conn:
        upgrade(conn)

        assert revision(conn) == newest_revision()


def test_an_empty_database_has_no_revision(empty_database: str) -> None:
    with connect(empty_database) as conn:
        assert revision(conn) is None


def test_the_files_name_the_migrations_that_alembic_finds() -> None:
    found = ScriptDirectory.from_config(migrations.alembic_config())

    assert migrations.known_revisions() == {each.revision for each in found.walk_revisions()}
    assert newest_revision() == found.get_current_head()


KEYLESS = text("""
    SELECT c.relname FROM pg_class c
     WHERE c.relnamespace = 'session_worker'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)""")


def test_every_table_has_a_primary_key(conn: Connection) -> None:
    assert conn.scalars(KEYLESS).all() == []


def test_rows_can_go_from_every_table_while_all_are_published(conn: Connection) -> None:
    tables = conn.scalars(
        text("""
        SELECT oid::regclass::text FROM pg_class
         WHERE relnamespace = 'session_worker'::regnamespace AND relkind IN ('r', 'p')""")
    )
    conn.execute(text("CREATE PUBLICATION everything FOR ALL TABLES"))
    conn.execute(text("SET CONSTRAINTS ALL DEFERRED"))

    for table in tables.all():
        with conn.begin_nested() as savepoint:
            conn.execute(text(f"DELETE FROM {table}"))
            savepoint.rollback()


def test_upgrading_again_changes_nothing(conn: Connection) -> None:
    before = everything_in_the_schema(conn)

    upgrade(conn)

    assert everything_in_the_schema(conn) == before


def test_two_that_upgrade_at_once_make_one_schema(empty_database: str) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(upgrade_and_commit, [empty_database] * 3))

    with connect(empty_database) as conn:
        assert conn.scalar(text("SELECT count(*) FROM session_worker.installation")) == 1


def test_an_upgrade_that_is_not_committed_leaves_nothing(empty_database: str) -> None:
    with connect(empty_database) as conn:
        upgrade(conn)
        conn.rollback()

        assert not conn.scalar(SCHEMA_EXISTS)


def test_an_upgrade_that_fails_leaves_nothing(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "record_installation", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        upgrade_and_commit(empty_database)

    with connect(empty_database) as conn:
        assert not conn.scalar(SCHEMA_EXISTS)


def test_a_schema_made_beforehand_by_an_admin_is_filled(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(text("CREATE SCHEMA session_worker"))
        upgrade(conn)

        assert revision(conn) == newest_revision()


def test_a_ledger_of_a_newer_worker_is_left_alone(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.migration SET version_num = '9999'"))

    with pytest.raises(SchemaIsNewer, match="migration 9999, which this worker does not know"):
        upgrade(conn)


def test_an_upgrade_works_from_any_folder_and_says_nothing(
    empty_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    upgrade_and_commit(empty_database)

    assert capfd.readouterr() == ("", "")


def test_the_models_of_the_worker_are_what_the_migrations_make(conn: Connection) -> None:
    found = inspect(conn)
    made = {
        (table, column["name"], column["type"].compile(conn.dialect), column["nullable"])
        for table in found.get_table_names("session_worker")
        if table != migrations.VERSION_TABLE
        for column in found.get_columns(table, "session_worker")
    }

    assert modelled_columns(conn) == made


def modelled_columns(conn: Connection) -> set[tuple[str, str, str, bool | None]]:
    return {
        (table.name, column.name, column.type.compile(conn.dialect), column.nullable)
        for table in WorkerBase.metadata.sorted_tables
        for column in table.c
    }


def upgrade_and_commit(url: str) -> None:
    with engine_on(url).begin() as conn:
        upgrade(conn)


def everything_in_the_schema(conn: Connection) -> list[tuple[str, str]]:
    """The schema's objects, with the transaction that wrote their entry last."""
    objects = text("""
        SELECT relname, c.xmin::text FROM pg_class c
         WHERE relnamespace = 'session_worker'::regnamespace
         UNION ALL
        SELECT proname, p.xmin::text FROM pg_proc p
         WHERE pronamespace = 'session_worker'::regnamespace
         ORDER BY 1""")
    return [(row[0], row[1]) for row in conn.execute(objects)]
