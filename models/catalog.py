"""Catalogue of the site's tables in this database: columns, types, and references between tables.

A live database may have more columns than the site's page lists, and fewer optional ones.
`read_catalog` reads PostgreSQL's catalogue once; statements are then built from the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, text

from models.taken_ids import ProfileKey, taken_ids


class SiteMismatch(Exception):
    """The database does not have the site's tables. `problems`: a line for each table or column
    that is missing or of an unfit type."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a site table.

    `own_default`: generated or identity, so never written. `default`: its expression as SQL.
    """

    name: str
    type: str
    nullable: bool = True
    own_default: bool = False
    unique_alone: bool = False
    default: str | None = None


# The columns without which the worker cannot run (the site's page, ●), and those it can read.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "tutor_sessions": (
        "id", "tutor_id", "student_id", "subject", "session_date", "start_time", "end_time",
        "mode", "status", "session_frequency", "is_recurring", "recurring_pattern",
        "notification_enabled", "alarm_enabled",
    ),
    "users": ("id", "email"),
    "tutor_profiles": ("id", "user_id"),
    "student_profiles": ("id", "user_id"),
    "tutor_students": ("id", "tutor_id", "student_profile_id"),
}  # fmt: skip
# Optional as a whole: without this table nobody counts as enrolled.
CAN_BE_GONE = "tutor_students"

# The optional columns that statements name, with the type of the NULL for a missing one.
OPTIONAL: Mapping[str, Mapping[str, str]] = {
    "tutor_sessions": {
        "topic": "text", "duration": "integer", "location": "text", "meeting_link": "text",
        "enrollment_id": "integer", "package_duration": "integer", "grade_level": "text",
        "alarm_before_minutes": "integer", "payment_status": "text",
    },
    "users": {
        "first_name": "text", "father_name": "text", "grandfather_name": "text",
        "phone": "text", "is_active": "boolean", "email_verified": "boolean",
        "phone_verified": "boolean",
    },
    "tutor_profiles": {"username": "text", "is_active": "boolean", "is_suspended": "boolean"},
    "student_profiles": {"username": "text", "grade_level": "text", "parent_id": "integer[]"},
    "parent_profiles": {"id": "integer", "user_id": "integer"},
    "tutor_students": {
        "student_name": "text", "contact_phone": "text", "contact_email": "text",
        "requester_type": "text",
    },
    "whiteboard_sessions": {
        "booking_id": "integer", "session_name": "text", "session_date": "date",
        "start_time": "time", "end_time": "time", "status": "text",
    },
}  # fmt: skip

# Columns that only the newest copies of the site have; `setup` does not mention them.
NEWER: Mapping[str, Mapping[str, str]] = {
    "users": {"is_suspended": "boolean"},
    "student_profiles": {"is_active": "boolean", "scheduled_deletion_at": "timestamp"},
    "parent_profiles": {"children_ids": "integer[]"},
}

# Types that statements can compute with, domains over them included. Other columns can be of any
# type.
INTEGERS = ("integer", "bigint", "smallint")
NUMBERS = (*INTEGERS, "numeric", "real", "double precision")
TIME = "time without time zone"
BOOLEAN = ("boolean",)
TYPES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("tutor_sessions", "id"): INTEGERS,
    ("tutor_sessions", "tutor_id"): NUMBERS,
    ("tutor_sessions", "student_id"): NUMBERS,
    ("tutor_sessions", "session_date"): ("date",),
    ("tutor_sessions", "start_time"): (TIME,),
    ("tutor_sessions", "end_time"): (TIME,),
    ("tutor_sessions", "is_recurring"): BOOLEAN,
    ("tutor_sessions", "notification_enabled"): BOOLEAN,
    ("tutor_sessions", "alarm_enabled"): BOOLEAN,
    ("student_profiles", "parent_id"): tuple(f"{name}[]" for name in INTEGERS),
    **{
        (table, column): BOOLEAN
        for optional in (OPTIONAL, NEWER)
        for table, columns in optional.items()
        for column, type_ in columns.items()
        if type_ == "boolean"
    },
}

# Tables that later copies of the site have instead of tutor_sessions and tutor_students.
LATER = ("sessions", "enrolled_courses", "enrolled_students")
LATER_COPY = (
    "tutor_sessions is missing, but there is {tables}, as in later copies of the site: this worker"
    " needs tutor_sessions, so use it with a copy that has that table"
)

# pg_class.relkind of relations with rows of their own, each with an xmin: plain and partitioned
# tables.
TABLE_KINDS = ("r", "p")
NO_TABLE = (
    "tutor_sessions is no table: point DATABASE_URL at the database, and its search_path at the"
    " schema, where the table itself is"
)

READ_COLUMNS = text("""
    SELECT c.relname AS table_name, c.relkind AS kind, a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type,
           a.atttypid AS type_oid, format_type(a.atttypid, NULL) AS plain_type,
           NOT a.attnotnull AS nullable,
           CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
           a.attgenerated <> '' OR a.attidentity <> '' AS own_default,
           EXISTS (SELECT FROM pg_index i
                    WHERE i.indrelid = c.oid AND i.indisunique
                      AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS unique_alone
      FROM unnest(CAST(:tables AS text[])) AS wanted(name)
      JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted.name))
      JOIN pg_attribute a ON a.attrelid = c.oid
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relname, a.attnum""")

# The base type of a domain, which may be over another domain.
READ_BASE_TYPES = text("""
    WITH RECURSIVE under AS (
        SELECT oid AS domain, typbasetype AS oid FROM pg_type
         WHERE typtype = 'd' AND oid = ANY(CAST(:oids AS oid[]))
         UNION ALL
        SELECT under.domain, b.typbasetype FROM under JOIN pg_type b USING (oid)
         WHERE b.typtype = 'd')
    SELECT domain, format_type(oid, NULL) AS base FROM under JOIN pg_type b USING (oid)
     WHERE b.typtype <> 'd'""")

READ_FOREIGN_KEYS = text("""
    SELECT a.attname AS column_name, target.relname AS target
      FROM pg_constraint k
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
      JOIN pg_class target ON target.oid = k.confrelid
     WHERE k.contype = 'f' AND k.conrelid = to_regclass('tutor_sessions')
       AND cardinality(k.conkey) = 1 AND a.attname IN ('tutor_id', 'student_id')""")

# All that can refuse a row of tutor_sessions or its partitions: constraints, unique indexes,
# triggers with their functions, and the list of partitions.
READ_GUARDS = text("""
    SELECT md5(string_agg(guard, ' ' ORDER BY guard)) FROM (
    WITH RECURSIVE part AS (
        SELECT to_regclass('tutor_sessions')::oid AS oid
         UNION ALL
        SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
        SELECT 'p' || oid::text AS guard FROM part
         UNION ALL
        SELECT 'c' || c.oid::text || c.xmin::text
          FROM pg_constraint c JOIN part ON part.oid = c.conrelid
         UNION ALL
        SELECT 'i' || i.indexrelid::text || i.xmin::text
          FROM pg_index i JOIN part ON part.oid = i.indrelid WHERE i.indisunique
         UNION ALL
        SELECT 't' || t.oid::text || t.tgenabled::text || p.oid::text || p.xmin::text
          FROM pg_trigger t JOIN part ON part.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
         WHERE NOT t.tgisinternal) g""")


@dataclass(frozen=True)
class SiteCatalog:
    """The site's tables: table → column name → Column, in the table's own order.

    `tutor_key`, `student_key`: the kind of ids that tutor_id and student_id hold; `ids_in_doubt`:
    an admin has to decide that. `references`: column of tutor_sessions → the table that its foreign
    key points at. `guards`: a hash of all that can refuse a row of tutor_sessions.
    """

    tables: Mapping[str, Mapping[str, Column]]
    tutor_key: ProfileKey = ProfileKey.PROFILE
    student_key: ProfileKey = ProfileKey.PROFILE
    ids_in_doubt: bool = False
    guards: str = ""
    references: Mapping[str, str] = field(default_factory=dict)

    def has(self, table: str, column: str | None = None) -> bool:
        columns = self.tables.get(table)
        return columns is not None and (column is None or column in columns)

    def read(self, alias: str, table: str, column: str) -> str:
        """SQL of a column: `alias.column`, or a typed NULL where the column is missing."""
        if self.has(table, column):
            return f"{alias}.{quoted(column)}"
        return f"NULL::{OPTIONAL[table].get(column) or NEWER[table][column]}"

    @cached_property
    def has_enrolments(self) -> bool:
        return self.has(CAN_BE_GONE)

    @cached_property
    def signature(self) -> str:
        """Hash of the columns of tutor_sessions, as a new or altered column has to be copied."""
        columns = self.tables.get("tutor_sessions", {}).values()
        return sha256(repr([*columns]).encode()).hexdigest()[:12]


def read_catalog(connection: Connection) -> SiteCatalog:
    """The site's tables by the connection's search_path.

    Raises SiteMismatch where a needed table or column is missing or of an unfit type.
    """
    names = sorted({*NEEDED, *OPTIONAL, *LATER})
    tables: dict[str, dict[str, Column]] = {}
    rows = connection.execute(READ_COLUMNS, {"tables": names}).all()
    for row in rows:
        column = Column(
            row.name, row.type, row.nullable, row.own_default, row.unique_alone, row.default
        )
        tables.setdefault(row.table_name, {})[row.name] = column
    if problems := missing(tables) + unfit(connection, rows):
        raise SiteMismatch(problems)
    for name in LATER:
        tables.pop(name, None)
    targets = {row.column_name: row.target for row in connection.execute(READ_FOREIGN_KEYS)}
    guards = str(connection.scalar(READ_GUARDS))
    return with_taken_ids(connection, SiteCatalog(tables, guards=guards, references=targets))


def with_taken_ids(connection: Connection, catalog: SiteCatalog) -> SiteCatalog:
    """The catalogue with the kinds of ids in tutor_id and student_id: by the ledger's last check,
    or by the foreign keys before the first one."""
    taken, references = taken_ids(connection), catalog.references
    tutor = taken.tutor or key_of(references.get("tutor_id"))
    student = taken.student or key_of(references.get("student_id"))
    doubt = taken.doubt is not None
    if (tutor, student, doubt) == (catalog.tutor_key, catalog.student_key, catalog.ids_in_doubt):
        return catalog
    return replace(catalog, tutor_key=tutor, student_key=student, ids_in_doubt=doubt)


def missing(tables: Mapping[str, Mapping[str, Column]]) -> tuple[str, ...]:
    """One line for each needed table or column that is missing."""
    if later := later_tables(tables):
        return (LATER_COPY.format(tables=" and ".join(later)),)
    problems = []
    for table, columns in NEEDED.items():
        if table not in tables:
            if table == CAN_BE_GONE:
                continue
            problems.append(f"table {table} is missing: point DATABASE_URL at the site's database")
            continue
        problems += [
            f"column {table}.{column} is missing: the worker cannot run without it"
            for column in columns
            if column not in tables[table]
        ]
    return tuple(problems)


def later_tables(tables: Mapping[str, Mapping[str, Column]]) -> list[str]:
    """Tables of a later copy of the site. `sessions` alone does not count: it is a common name."""
    found = [name for name in LATER if name in tables]
    known = "tutor_profiles" in tables or found != ["sessions"]
    return found if known and "tutor_sessions" not in tables else []


def unfit(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[str, ...]:
    """One line for tutor_sessions if it is no table, and for each column of an unfit type. Unknown
    types are looked up in PostgreSQL, as they may be domains."""
    sessions = [row for row in rows if row.table_name == "tutor_sessions"]
    problems = [NO_TABLE for row in sessions[:1] if row.kind not in TABLE_KINDS]
    others = [
        (row, types)
        for row in rows
        if (types := TYPES.get((row.table_name, row.name))) and row.plain_type not in types
    ]
    bases: dict[int, str] = {}
    if others:
        found = connection.execute(READ_BASE_TYPES, {"oids": [row.type_oid for row, _ in others]})
        bases = {row.domain: row.base for row in found}
    problems += [
        f"column {row.table_name}.{row.name} is {row.type}: the worker needs {one_of(types)}"
        for row, types in others
        if bases.get(row.type_oid) not in types
    ]
    return tuple(problems)


def one_of(types: Sequence[str]) -> str:
    """'integer', 'integer or bigint'"""
    return f"{', '.join(types[:-1])} or {types[-1]}" if types[1:] else types[0]


def quoted(name: str) -> str:
    """A column's name as an SQL identifier inside `text()`, where a colon starts a parameter."""
    return '"' + name.replace('"', '""').replace(":", "\\:") + '"'


def key_of(target: str | None) -> ProfileKey:
    return ProfileKey.USER if target == "users" else ProfileKey.PROFILE
