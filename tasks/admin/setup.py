"""Installation in a database: check of the site's tables, then migration of session_worker.

One transaction does it all, so that an unfit database is left unchanged. Another one, which is
rolled back, tries to insert a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from models import migrations
from models.catalog import OPTIONAL, SiteCatalog, read_catalog
from models.rights import (
    excessive_rights,
    grants,
    missing_rights,
    rights_of_a_new_role,
    statements,
)
from models.site import SITE_TABLES, create_site_tables
from models.taken_ids import TakenIds
from scheduler.database_clock import database_now
from scheduler.expansion.admin.rehearsal import Refused, Untried, Write, rehearse_row
from scheduler.reminders.id_doubt import look_at_ids
from scheduler.settings import Settings
from scheduler.site.id_reading import STUDENT, TUTOR, Why, in_words
from tasks.failures.lines import ExitCode

OLDEST_POSTGRES = 14

# Columns of an older copy of the whiteboard that take the place of newer ones.
OLDER_WHITEBOARD = {
    "session_name": "session_title",
    "session_date": "scheduled_start",
    "start_time": "scheduled_start",
    "end_time": "scheduled_end",
}


class CannotInstall(Exception):
    """The database cannot be set up as asked. The message is one line with a cure."""

    exit_code = ExitCode.PARTLY


@dataclass(frozen=True, slots=True)
class Note:
    """A note: a missing optional table or column, the kind of ids that was found, or an effect of
    the site's tables on generated rows."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Installed:
    """Result of setup. `migrated_from`: None for a new installation, equal to `migrated_to` if it
    was up to date. `doubt`: the question that an admin has to answer before anything is sent."""

    site_tables: tuple[str, ...]
    migrated_from: str | None
    migrated_to: str
    notes: tuple[Note, ...]
    doubt: str | None


def install(engine: Engine, settings: Settings) -> Installed:
    """Set up the worker in the site's database, or bring it up to date.

    Raises SiteMismatch where a needed table or column is missing, CannotInstall where the server or
    the schema does not fit this worker.
    """
    with engine.begin() as connection:
        installed = prepare(connection, settings, ())
    return replace(installed, notes=(*installed.notes, *notes_on_rows(engine, settings)))


def install_with_site_tables(engine: Engine, settings: Settings) -> Installed:
    """Create the site's tables first, for development; raises CannotInstall where one is there."""
    with engine.begin() as connection:
        migrations.take_turns(connection)
        if standing := standing_tables(connection):
            raise CannotInstall(
                f"table {standing[0]} is already there: run setup without --with-site-tables,"
                " or point DATABASE_URL at an empty database."
            )
        create_site_tables(connection)
        return prepare(connection, settings, tuple(sorted(SITE_TABLES.tables)))


def prepare(connection: Connection, settings: Settings, site_tables: tuple[str, ...]) -> Installed:
    refuse_old_server(connection)
    catalog = read_catalog(connection)
    before = migrations.revision(connection)
    migrations.upgrade(connection)
    after = migrations.revision(connection) or ""
    taken = look_at_ids(connection, catalog, settings, database_now(connection))
    notes = (*notes_on_ids(taken), *notes_on(catalog))
    return Installed(site_tables, before, after, notes, taken.doubt)


def notes_on_ids(taken: TakenIds) -> Iterator[Note]:
    """Notes on the kinds of ids that were found, and why; none where there are no sessions."""
    for column, key, why in (
        (TUTOR, taken.tutor, taken.tutor_why),
        (STUDENT, taken.student, taken.student_why),
    ):
        if key is not None and why is not None and why != Why.NO_ROWS:
            yield Note(column.setting.lower(), in_words(column, key, Why(why)))
    if taken.doubt is not None:
        yield Note("whose_ids", taken.doubt)


@dataclass(frozen=True, slots=True)
class Granted:
    """A role for the worker. `statements`: what was run, or is to be run by somebody who may.

    `excess`: what the role may do that no worker needs. `refusal`: PostgreSQL's words where the
    statements could not be run; then none of them was.
    """

    name: str
    statements: tuple[str, ...]
    excess: tuple[str, ...]
    refusal: str | None


def grant_role(engine: Engine, name: str) -> Granted:
    """Create the role, if there is none, and grant it what a worker needs and it does not have.

    Needs the schema session_worker, and a user who may grant. Nothing is taken from the role.
    """
    with engine.connect() as connection:
        known = bool(connection.scalar(ROLE_IS_THERE, {"name": name}))
        login = () if known else (str(connection.scalar(CREATE_ROLE, {"name": name})),)
    try:
        with engine.begin() as connection:
            run(connection, login)
            wanted = statements(missing_rights(connection, name))
            run(connection, wanted)
            return Granted(name, login + wanted, excessive_rights(connection, name), None)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        words = str(error.orig).strip().partition("\n")[0]
    with engine.connect() as connection:
        missing = (
            missing_rights(connection, name) if known else rights_of_a_new_role(connection, name)
        )
    return Granted(name, login + statements(missing), (), words)


ROLE_IS_THERE = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :name)")
CREATE_ROLE = text("SELECT format('CREATE ROLE %I LOGIN', CAST(:name AS text))")


def run(connection: Connection, wanted: tuple[str, ...]) -> None:
    for statement in wanted:
        connection.execute(text(statement.replace(":", "\\:")))


# Once each, not again for each partition that has a copy. PostgreSQL's own catalogue.
DEFERRABLE = text("""
    WITH RECURSIVE part AS (
        SELECT to_regclass('tutor_sessions')::oid AS oid
         UNION ALL
        SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
    SELECT c.conname, CASE c.contype WHEN 'u' THEN 'unique' WHEN 'p' THEN 'primary key'
                                     ELSE 'exclusion' END
      FROM pg_constraint c JOIN part ON part.oid = c.conrelid
     WHERE c.condeferrable AND c.contype IN ('u', 'p', 'x') AND c.conparentid = 0
     ORDER BY c.conname""")
DEFERRED = (
    "the {kind} constraint {name} of tutor_sessions is deferrable: the worker has it checked with"
    " each of its statements, not at the commit, so that a row it refuses costs that date alone"
)


def notes_on_rows(engine: Engine, settings: Settings) -> Iterator[Note]:
    """Notes on the site's rights and constraints for generated rows. Called after the installation
    is committed, as it does not depend on them."""
    with engine.connect() as connection:
        now = database_now(connection)
        missing = missing_rights(connection)
        for name, kind in connection.execute(DEFERRABLE):
            yield Note("constraint_deferrable", DEFERRED.format(name=name, kind=kind))
    if missing:
        words = "the user of DATABASE_URL does not have all rights that the worker needs"
        yield Note("rights_missing", f"{words}: {grants(missing)}")
        return
    found = rehearse_row(engine, settings, now)
    if isinstance(found, Untried):
        words = f"a generated row could not be tried: {found.words}"
        yield Note("row_untried", f"{words}; run setup again")
    else:
        yield from map(note_on_row, found)


# Code, what the site refuses, and what that means until it accepts it.
REFUSED = {
    Write.INSERT: ("row_refused", "the row of {rule} on {day}", "such dates get no row"),
    Write.MOVE: (
        "move_refused",
        "to move a row of {rule} to {day}",
        "rows keep their dates when the days of their rule change",
    ),
    Write.CANCEL: (
        "cancel_refused",
        "to cancel the row of {rule} on {day}",
        "rows stay scheduled when their rule no longer names their dates",
    ),
}


def note_on_row(found: Refused) -> Note:
    code, what, means = REFUSED[found.write]
    write = what.format(rule=f"session {found.anchor_id}'s rule", day=found.occurs_on)
    return Note(
        code,
        f"the site would refuse {write} (tried and rolled back): {found.words}; until the site's"
        f" tables take it, {means}",
    )


SERVER_VERSION = text("SELECT current_setting('server_version_num')::integer")


def refuse_old_server(connection: Connection) -> None:
    version = (connection.scalar(SERVER_VERSION) or 0) // 10_000
    if version < OLDEST_POSTGRES:
        raise CannotInstall(
            f"PostgreSQL {version} is too old: the worker needs {OLDEST_POSTGRES} or newer."
        )


# By the connection's search_path, like create_site_tables and the catalogue.
STANDING_TABLES = text("""
    SELECT wanted.name FROM unnest(CAST(:names AS text[])) AS wanted(name)
     WHERE to_regclass(quote_ident(wanted.name)) IS NOT NULL
     ORDER BY wanted.name""")


def standing_tables(connection: Connection) -> list[str]:
    """Those of the site's tables that this database has."""
    return list(connection.scalars(STANDING_TABLES, {"names": list(SITE_TABLES.tables)}))


def notes_on(catalog: SiteCatalog) -> tuple[Note, ...]:
    """One note for each optional table or column that is missing."""
    return tuple(note for table in OPTIONAL for note in notes_on_table(catalog, table))


def notes_on_table(catalog: SiteCatalog, table: str) -> list[Note]:
    if not catalog.has(table):
        return [Note("table_missing", f"table {table} is missing: {without(table)}")]
    missing = [column for column in OPTIONAL[table] if not catalog.has(table, column)]
    return [
        Note("column_missing", f"column {table}.{column} is missing{older}: {without(table)}")
        for column in missing
        for older in [older_column(catalog, table, column)]
    ]


def older_column(catalog: SiteCatalog, table: str, column: str) -> str:
    """Remark with the older column that an older copy of the whiteboard has instead, or ''."""
    instead = OLDER_WHITEBOARD.get(column)
    if table != "whiteboard_sessions" or not instead or not catalog.has(table, instead):
        return ""
    return f" (an older copy: it has {instead})"


def without(table: str) -> str:
    """Effect on the worker where a part of this table is missing."""
    if table == "whiteboard_sessions":
        return "messages carry no whiteboard name"
    if table == "tutor_students":
        return "nobody counts as enrolled there, and no series pauses for that"
    if table == "parent_profiles":
        return "parents get no messages"
    return "the worker runs without it"
