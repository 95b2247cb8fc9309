"""Tables that `read_catalog` refuses, and variations that it accepts."""

import pytest
from sqlalchemy import Connection, text

from models.catalog import SiteMismatch, read_catalog
from tests.servers import connect

SESSIONS = "ALTER TABLE tutor_sessions"
NO_TABLE = (
    "tutor_sessions is no table: point DATABASE_URL at the database, and its search_path at the"
    " schema, where the table itself is"
)


def problems(conn: Connection) -> tuple[str, ...]:
    with pytest.raises(SiteMismatch) as caught:
        read_catalog(conn)
    return caught.value.problems


@pytest.mark.parametrize(
    ("column", "type_", "needed"),
    [
        ("session_date", "timestamp without time zone", "date"),
        ("session_date", "timestamp with time zone", "date"),
        ("session_date", "text", "date"),
        ("start_time", "time with time zone", "time without time zone"),
        ("end_time", "text", "time without time zone"),
        ("id", "text", "integer, bigint or smallint"),
        ("id", "numeric", "integer, bigint or smallint"),
        (
            "tutor_id",
            "character varying(36)",
            "integer, bigint, smallint, numeric, real or double precision",
        ),
    ],
)
def test_a_column_of_an_unfit_type_has_a_line(
    conn: Connection, column: str, type_: str, needed: str
) -> None:
    conn.execute(text(f"{SESSIONS} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {type_}"))

    assert problems(conn) == (
        f"column tutor_sessions.{column} is {type_}: the worker needs {needed}",
    )


@pytest.mark.parametrize(
    ("table", "column", "type_", "needed"),
    [
        ("tutor_sessions", "is_recurring", "text", "boolean"),
        ("tutor_sessions", "alarm_enabled", "character varying", "boolean"),
        ("tutor_sessions", "notification_enabled", "smallint", "boolean"),
        ("users", "is_active", "text", "boolean"),
        ("tutor_profiles", "is_suspended", "integer", "boolean"),
        ("student_profiles", "parent_id", "integer", "integer[], bigint[] or smallint[]"),
    ],
)
def test_a_switch_or_a_list_of_another_type_has_a_line(
    conn: Connection, table: str, column: str, type_: str, needed: str
) -> None:
    conn.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}, ADD COLUMN {column} {type_}"))

    assert problems(conn) == (f"column {table}.{column} is {type_}: the worker needs {needed}",)


@pytest.mark.parametrize("left", ["tutor_profiles", None])
def test_a_later_copy_of_the_site_is_told_by_its_tables(conn: Connection, left: str | None) -> None:
    conn.execute(text("DROP TABLE tutor_sessions, tutor_students CASCADE"))
    if left is None:
        conn.execute(text("DROP TABLE tutor_profiles CASCADE"))
    conn.execute(text("CREATE TABLE sessions (id int); CREATE TABLE enrolled_courses (id int)"))

    assert problems(conn) == (
        "tutor_sessions is missing, but there is sessions and enrolled_courses, as in later copies"
        " of the site: this worker needs tutor_sessions, so use it with a copy that has that table",
    )


def test_a_table_named_sessions_alone_is_no_site(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(text("CREATE TABLE sessions (id int)"))

        assert problems(conn)[0] == (
            "table tutor_sessions is missing: point DATABASE_URL at the site's database"
        )


def test_a_start_that_is_a_timestamp_has_a_line(conn: Connection) -> None:
    conn.execute(text(f"{SESSIONS} DROP COLUMN start_time, ADD COLUMN start_time timestamp"))

    assert problems(conn) == (
        "column tutor_sessions.start_time is timestamp without time zone:"
        " the worker needs time without time zone",
    )


def test_a_missing_column_is_reported_beside_an_unfit_one(conn: Connection) -> None:
    conn.execute(text(f"{SESSIONS} DROP COLUMN mode, ALTER session_date TYPE timestamp"))

    assert [line.partition(":")[0] for line in problems(conn)] == [
        "column tutor_sessions.mode is missing",
        "column tutor_sessions.session_date is timestamp without time zone",
    ]


def test_a_domain_over_a_wrong_type_has_a_line(conn: Connection) -> None:
    conn.execute(text("CREATE DOMAIN day AS timestamp; CREATE DOMAIN lesson_day AS day"))
    conn.execute(text(f"{SESSIONS} ALTER session_date TYPE lesson_day"))

    assert problems(conn) == (
        "column tutor_sessions.session_date is lesson_day: the worker needs date",
    )


@pytest.mark.parametrize(
    "altered",
    [
        "ALTER session_date TYPE lesson_day, ALTER start_time TYPE hour, ALTER end_time TYPE hour",
        "ALTER id TYPE number, ALTER tutor_id TYPE number",
        "ALTER start_time TYPE time(0), ALTER end_time TYPE time(3)",
        "ALTER id TYPE bigint, ALTER tutor_id TYPE smallint, ALTER student_id TYPE numeric(12)",
        "ALTER status TYPE text, ALTER duration TYPE numeric, ALTER mode TYPE varchar",
    ],
)
def test_domains_over_and_relatives_of_the_types_are_accepted(
    conn: Connection, altered: str
) -> None:
    conn.execute(
        text("CREATE DOMAIN day AS date; CREATE DOMAIN lesson_day AS day;"
             " CREATE DOMAIN hour AS time; CREATE DOMAIN number AS integer")
    )  # fmt: skip
    conn.execute(text(f"{SESSIONS} {altered}"))

    assert read_catalog(conn).has("tutor_sessions")


def test_a_view_in_the_tables_place_has_one_line(conn: Connection) -> None:
    conn.execute(text(f"{SESSIONS} RENAME TO lessons"))
    conn.execute(text("CREATE VIEW tutor_sessions AS SELECT * FROM lessons"))

    assert problems(conn) == (NO_TABLE,)


def test_a_foreign_table_in_the_tables_place_has_one_line(conn: Connection) -> None:
    conn.execute(text(f"{SESSIONS} RENAME TO lessons"))
    conn.execute(
        text("CREATE FOREIGN DATA WRAPPER away; CREATE SERVER s FOREIGN DATA WRAPPER away")
    )
    columns = conn.scalar(
        text("SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod),"
             " ',') FROM pg_attribute WHERE attrelid = 'lessons'::regclass AND attnum > 0")
    )  # fmt: skip
    conn.execute(text(f"CREATE FOREIGN TABLE tutor_sessions ({columns}) SERVER s"))

    assert problems(conn) == (NO_TABLE,)


@pytest.mark.parametrize("kind", ["PARTITION BY RANGE (session_date)", "INHERITS (lessons)"])
def test_partitions_and_inheritance_are_tables(conn: Connection, kind: str) -> None:
    conn.execute(text(f"{SESSIONS} RENAME TO lessons"))
    conn.execute(text(f"CREATE TABLE tutor_sessions (LIKE lessons INCLUDING DEFAULTS) {kind}"))

    assert read_catalog(conn).has("tutor_sessions")
