"""Databases that a test process uses again: emptied between two tests, which takes a fraction of
what a drop and a clone take.

A test may do anything to its database. Rows and sequences are put back here; a database whose
structure, rights, settings or statistics changed meanwhile is dropped.
"""

import io
import secrets
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import extensions

from tasks.demo.servers import drop_database
from tasks.demo.servers.databases import Server
from tests import servers
from tests.eventually import eventually

# Temporary tables leave dead rows in the catalog, so that each use reads a little more of it.
MOST_USES = 50

# Processes and threads that a test forgot must not write into the next one's database.
END_OTHERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND NOT (pid = ANY(%s) AND state = 'idle')"""

# CREATE, ALTER, DROP, GRANT, ANALYZE and TRUNCATE write rows of these, and so a newer transaction
# id (xmin) or fewer rows; what temporary tables wrote is gone once their session has ended.
CATALOG = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_type",
    "pg_proc", "pg_rewrite", "pg_policy", "pg_inherits", "pg_statistic", "pg_statistic_ext",
    "pg_default_acl", "pg_publication", "pg_event_trigger", "pg_extension",
)  # fmt: skip

STRUCTURE = """
    SELECT 'pg_database', datconnlimit, concat(xmin, datacl)
      FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'pg_db_role_setting', count(*), max(s.xmin::text::bigint)::text
      FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase
     WHERE datname = current_database() OR setdatabase = 0
    UNION ALL SELECT 'pg_namespace', count(*), max(xmin::text::bigint)::text
      FROM pg_namespace WHERE nspname !~ '^pg_'""" + "".join(
    f" UNION ALL SELECT '{table}', count(*), max(xmin::text::bigint)::text FROM {table}"
    for table in CATALOG
)

# A table's file grows until TRUNCATE: one that is empty has had no row since.
USED_TABLES = """
    SELECT oid::regclass::text FROM pg_class
     WHERE relkind = 'r' AND oid >= 16384
       AND (pg_stat_file(pg_relation_filepath(oid))).size > 0"""

SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value),
           last_value IS NOT NULL
      FROM pg_sequences"""

Structure = Collection[tuple[str, int, str]]
Sequences = Mapping[str, tuple[int, bool]]


@dataclass(slots=True)
class Contents:
    """State of a database right after it was made. `rows`: of each table that has any, as COPY
    writes them."""

    rows: Mapping[str, str]
    sequences: Sequences
    structure: Structure
    uses: int = 0


@dataclass(slots=True)
class CleanDatabases:
    """Databases like the template, for one test at a time each."""

    server: Server
    template: str
    idle: list[str] = field(default_factory=list)
    made: dict[str, Contents] = field(default_factory=dict)

    def take(self) -> str:
        """The name of a database in which no test has left anything."""
        if self.idle:
            return self.idle.pop()
        name = unused_name("test")
        servers.clone_template(self.server, name, self.template)
        with closing(self.cursor(name)) as cursor:
            self.made[name] = contents(cursor)
        return name

    def give_back(self, name: str) -> None:
        if self.is_cleaned(name):
            self.idle.append(name)
        else:
            del self.made[name]
            drop_database(self.server, name)

    def is_cleaned(self, name: str) -> bool:
        """Whether it is as it was made. Not if it cannot be emptied at once, such as for the locks
        of a prepared transaction."""
        was = self.made[name]
        was.uses += 1
        if was.uses == MOST_USES:
            return False
        with suppress(psycopg2.Error), closing(self.cursor(name)) as cursor:
            end_others(cursor)
            if structure(cursor) != was.structure:
                return False
            empty(cursor, was)
            was.structure = structure(cursor)
            return True
        return False

    def cursor(self, name: str) -> extensions.cursor:
        connection = psycopg2.connect(self.server.url(name))
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SET lock_timeout = '1s'; SET session_replication_role = replica")
        return cursor

    def drop_all(self) -> None:
        for name in self.made:
            drop_database(self.server, name)


def contents(cursor: extensions.cursor) -> Contents:
    rows = {table: copy_of(cursor, table) for table in used_tables(cursor)}
    return Contents(rows, sequences(cursor), structure(cursor))


def end_others(cursor: extensions.cursor) -> None:
    """End all sessions but the kept ones. (The server's own wait for an end looks each 100 ms.)"""

    def are_gone() -> bool:
        cursor.execute(END_OTHERS, (list(servers.KEPT_CONNECTIONS),))
        return cursor.fetchall() == [(0,)]

    eventually(are_gone)


def empty(cursor: extensions.cursor, was: Contents) -> None:
    truncate(cursor, used_tables(cursor) - was.rows.keys())
    for table, rows in was.rows.items():
        if copy_of(cursor, table) != rows:
            truncate(cursor, {table})
            cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(rows))
    for sequence, value in sequences(cursor).items():
        if was.sequences[sequence] != value:
            cursor.execute("SELECT setval(%s, %s, %s)", (sequence, *was.sequences[sequence]))


def truncate(cursor: extensions.cursor, tables: Collection[str]) -> None:
    if tables:
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")


def copy_of(cursor: extensions.cursor, table: str) -> str:
    written = io.StringIO()
    cursor.copy_expert(f"COPY {table} TO STDOUT", written)
    return written.getvalue()


def used_tables(cursor: extensions.cursor) -> set[str]:
    cursor.execute(USED_TABLES)
    return {table for (table,) in cursor}


def sequences(cursor: extensions.cursor) -> Sequences:
    cursor.execute(SEQUENCES)
    return {name: (value, is_called) for name, value, is_called in cursor}


def structure(cursor: extensions.cursor) -> Structure:
    cursor.execute(STRUCTURE)
    return cursor.fetchall()


def unused_name(kind: str) -> str:
    return f"session_worker_{kind}_{secrets.token_hex(6)}"
