"""`celery -A tasks setup`: installs, lists what is missing, or leaves the database unchanged."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, inspect, text

from models.installation import installation_matches
from models.migrations import newest_revision, take_turns
from models.removed import REMOVED_TABLES
from models.site import SITE_TABLES, create_site_tables
from tasks.commands.setup import setup
from tests.bare_site import drop_columns, drop_the_optional, make_the_whiteboard_older
from tests.builders import a_session, a_student, a_tutor, a_user
from tests.command_line import celery
from tests.eventually import eventually
from tests.locks import someone_waits
from tests.servers import connect

SCHEMA_EXISTS = text("SELECT to_regnamespace('session_worker') IS NOT NULL")


@pytest.fixture
def site(empty_database: str) -> Iterator[Connection]:
    """A database with the site's tables, where the worker was never set up."""
    with connect(empty_database) as conn:
        create_site_tables(conn)
        conn.commit()
        yield conn


def test_the_command_line_sets_up_an_empty_database(empty_database: str) -> None:
    done = celery("setup", "--with-site-tables", DATABASE_URL=empty_database)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Created the site's tables: parent_profiles, " in done.stdout
    assert f"Created the schema session_worker (migration {newest_revision()})." in done.stdout


def test_a_site_gets_the_schema_and_keeps_its_tables(site: Connection) -> None:
    result = run(site)

    assert result.exit_code == 0
    assert site.scalar(SCHEMA_EXISTS)
    assert installation_matches(site)
    assert set(inspect(site).get_table_names()) == set(SITE_TABLES.tables)


def test_the_first_set_up_ends_with_the_way_on(site: Connection) -> None:
    result = run(site)

    last = result.stdout.splitlines()[-1]
    assert last.startswith("Next: `celery -A tasks doctor`")
    assert "`celery -A tasks worker --queues planning,delivery`" in last


def test_setting_up_again_says_that_nothing_was_to_do(site: Connection) -> None:
    run(site)

    result = run(site)

    assert result.stdout == (
        f"The schema session_worker is up to date (migration {newest_revision()}).\n"
        "Next: `celery -A tasks doctor` shows what is left to do.\n"
    )


def test_the_report_is_one_document(site: Connection) -> None:
    document = json.loads(run(site, "--json").stdout)

    assert document == {
        "version": 1,
        "role": None,
        "site_tables": [],
        "migration": {"from": None, "to": newest_revision()},
        "notes": [],
    }


def test_setup_says_whose_ids_the_sessions_hold_and_why(site: Connection) -> None:
    a_session(site, tutor_id=a_tutor(site, id=71), student_id=a_student(site, id=81))
    site.commit()

    result = run(site)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:-1] == [
        "Note: tutor_sessions.tutor_id holds ids of tutor_profiles: every value names a tutor by"
        " them, and not by the other ids.",
        "Note: tutor_sessions.student_id holds ids of student_profiles: every value names a student"
        " by them, and not by the other ids.",
    ]


def test_setup_asks_whose_ids_the_sessions_hold_where_nothing_tells(site: Connection) -> None:
    one, other = a_user(site, id=701), a_user(site, id=702)
    for profile, user in ((one, other), (other, one)):
        a_session(site, tutor_id=a_tutor(site, id=profile, user_id=user))
    site.commit()

    asked = run(site)
    said = run(site, TUTOR_IDS="user")

    assert (asked.exit_code, asked.stderr) == (
        1,
        "Error: whose ids tutor_sessions.tutor_id holds cannot be told (701, 702 would be one tutor"
        " or another): set TUTOR_IDS=profile or TUTOR_IDS=user. Nothing is sent until then.\n",
    )
    assert said.exit_code == 0
    assert "tutor_id holds ids of users: TUTOR_IDS says so" in said.stdout


def test_the_report_lists_the_tables_it_made(empty_database: str) -> None:
    with connect(empty_database) as conn:
        document = json.loads(run(conn, "--with-site-tables", "--json").stdout)

    assert document["site_tables"] == sorted(SITE_TABLES.tables)


def test_two_that_set_up_at_once_both_end_well(site: Connection) -> None:
    assert codes_of_two(site) == [0, 0]


def test_the_sites_tables_wait_for_another_that_makes_them(empty_database: str) -> None:
    with connect(empty_database) as conn:
        take_turns(conn)
        with ThreadPoolExecutor() as pool:
            running = pool.submit(run_on, empty_database, "--with-site-tables")
            eventually(lambda: someone_waits(empty_database))
            create_site_tables(conn)
            conn.commit()

    assert running.result().exit_code == 1
    assert "is already there" in running.result().stderr


@pytest.mark.parametrize("standing", ["users", "whiteboard_pages"])
def test_the_sites_tables_are_not_made_beside_one_that_stands(
    empty_database: str, standing: str
) -> None:
    with connect(empty_database) as conn:
        conn.execute(text(f"CREATE TABLE {standing} (id integer)"))
        conn.commit()

        result = run(conn, "--with-site-tables")

        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: table {standing} is already there: run setup")
        assert result.stderr.count("\n") == 1
        assert inspect(conn).get_table_names() == [standing]


def test_each_missing_needed_column_has_a_line(site: Connection) -> None:
    drop_columns(site, "tutor_sessions", ["is_recurring", "alarm_enabled"])
    drop_columns(site, "users", ["email"])
    site.commit()

    result = run(site)

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: column tutor_sessions.is_recurring is missing: the worker cannot run without it",
        "Error: column tutor_sessions.alarm_enabled is missing: the worker cannot run without it",
        "Error: column users.email is missing: the worker cannot run without it",
    ]


def test_a_column_of_another_type_is_a_line_and_nothing_is_changed(site: Connection) -> None:
    site.execute(text("ALTER TABLE tutor_sessions ALTER session_date TYPE timestamp"))
    site.commit()

    result = run(site)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: column tutor_sessions.session_date is timestamp without time zone:"
        " the worker needs date\n"
    )
    assert not site.scalar(SCHEMA_EXISTS)


def test_a_database_that_is_not_the_sites_is_left_as_it_was(empty_database: str) -> None:
    with connect(empty_database) as conn:
        result = run(conn)

        assert result.exit_code == 1
        assert "Error: table tutor_sessions is missing: point DATABASE_URL at" in result.stderr
        assert result.stdout == ""
        assert not conn.scalar(SCHEMA_EXISTS)


def test_a_site_without_anything_optional_is_set_up(site: Connection) -> None:
    drop_the_optional(site)
    site.commit()

    result = run(site)

    assert result.exit_code == 0
    assert (
        "Note: column tutor_sessions.topic is missing: the worker runs without it." in result.stdout
    )
    assert (
        "Note: table whiteboard_sessions is missing: messages carry no whiteboard name."
        in result.stdout
    )
    assert "Note: table parent_profiles is missing: parents get no messages." in result.stdout


def test_an_older_whiteboard_is_reported_column_by_column(site: Connection) -> None:
    make_the_whiteboard_older(site)
    site.commit()

    notes = json.loads(run(site, "--json").stdout)["notes"]

    assert [note["detail"] for note in notes] == [
        f"column whiteboard_sessions.{column} is missing (an older copy: it has {instead}):"
        " messages carry no whiteboard name"
        for column, instead in [
            ("session_name", "session_title"),
            ("session_date", "scheduled_start"),
            ("start_time", "scheduled_start"),
            ("end_time", "scheduled_end"),
        ]
    ]


def test_tables_that_the_site_removed_are_left_alone(site: Connection) -> None:
    for table in REMOVED_TABLES:
        site.execute(text(f"CREATE TABLE {table} (id integer)"))
    site.commit()

    assert run(site).exit_code == 0


def test_a_ledger_of_a_newer_worker_is_refused_in_a_line(site: Connection) -> None:
    run(site)
    site.execute(text("UPDATE session_worker.migration SET version_num = '9999'"))
    site.commit()

    result = run(site)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: session_worker is at migration 9999, which this")


def test_a_user_who_may_not_create_gets_a_line(site: Connection) -> None:
    with a_role_without_rights(site) as url:
        result = run_on(url)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: PostgreSQL says: permission denied for database")
    assert result.stderr.count("\n") == 1


def codes_of_two(conn: Connection) -> list[int]:
    """The exit codes of two processes that set up side by side."""
    url = conn.engine.url.render_as_string(hide_password=False)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(celery, "setup", DATABASE_URL=url) for _ in range(2)]
    return [future.result().returncode for future in running]


@contextmanager
def a_role_without_rights(conn: Connection) -> Iterator[str]:
    """The URL of the same database for a user who may only read the site's tables."""
    conn.execute(text("CREATE ROLE guest LOGIN PASSWORD 'guest'"))
    conn.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest"))
    conn.commit()
    yield conn.engine.url.set(username="guest", password="guest").render_as_string(
        hide_password=False
    )
    conn.execute(text("DROP OWNED BY guest; DROP ROLE guest"))
    conn.commit()


def run(conn: Connection, *arguments: str, **settings: str) -> Result:
    return run_on(conn.engine.url.render_as_string(hide_password=False), *arguments, **settings)


def run_on(url: str, *arguments: str, **settings: str) -> Result:
    return CliRunner(env={"DATABASE_URL": url, **settings}).invoke(setup, list(arguments))
