"""Rights that the worker needs, those that a role does not have, and the GRANTs for them.

The worker needs no others; the schema is created and changed by `setup`, whose user owns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

READ = ("SELECT",)
FILL = ("SELECT", "INSERT", "DELETE")
KEEP = ("SELECT", "INSERT", "UPDATE")
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")

# A test compares these with the statements of the code.
ON_THE_LEDGER: Mapping[str, Sequence[str]] = {
    "absence": ALL,
    "admin_message": ALL,
    "attempt": ALL,
    "backfill": ALL,
    "backfill_chunk": KEEP,
    "begun_batch": FILL,
    "channel_trouble": ALL,
    "dead_address": ALL,
    "delivery": ALL,
    "feed_token": ALL,
    "finding": FILL,
    "heartbeat": KEEP,
    "held_batch": ALL,
    "inbox": ALL,
    "installation": ("SELECT", "UPDATE"),
    "last_look": KEEP,
    "migration": READ,
    "move": FILL,
    "mute_link": FILL,
    "occurrence": ALL,
    "pause": ALL,
    "permit": FILL,
    "preference": ("SELECT", "UPDATE"),
    "receipt": ALL,
    "refused": ALL,
    "series": ALL,
    "site_shape": KEEP,
    "sms_month": KEEP,
    "sms_text": FILL,
    "standing_error": FILL,
    "telegram_chat": ALL,
    "telegram_invite": ("SELECT", "DELETE"),
    "telegram_reader": ("SELECT", "UPDATE"),
    "zone": READ,
}
ON_THE_SITE: Mapping[str, Sequence[str]] = {
    "tutor_sessions": KEEP,
    "users": READ,
    "tutor_profiles": READ,
    "student_profiles": READ,
    "parent_profiles": READ,
    "tutor_students": READ,
    "whiteboard_sessions": READ,
}
# Nobody else may call them unless the site's role is granted it too (docs/preferences.md): a button
# in a chat does what the site's page does.
FUNCTIONS = (
    "session_worker.acknowledge(bigint)",
    "session_worker.snooze(bigint, integer)",
)
ON_TABLES = {f"session_worker.{table}": rights for table, rights in ON_THE_LEDGER.items()} | {
    **ON_THE_SITE
}


# What the site's own role needs to write preferences and absences, to answer for people, and to
# show the inbox and calendars (docs/preferences.md). `site` stands for the role's name.
OF_THE_SITE = (
    "GRANT USAGE ON SCHEMA session_worker TO site",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON session_worker.preference TO site",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON session_worker.absence TO site",
    "GRANT EXECUTE ON FUNCTION session_worker.acknowledge(bigint) TO site",
    "GRANT EXECUTE ON FUNCTION session_worker.snooze(bigint, integer) TO site",
    "GRANT EXECUTE ON FUNCTION session_worker.receipt(text, text, text) TO site",
    "GRANT EXECUTE ON FUNCTION session_worker.mute(text), session_worker.unmute(text) TO site",
    "GRANT EXECUTE ON FUNCTION session_worker.telegram_invite(bigint) TO site",
    "GRANT SELECT, UPDATE (read_at) ON session_worker.inbox TO site",
    "GRANT SELECT ON session_worker.feed TO site",
)


@dataclass(frozen=True, slots=True)
class MissingRight:
    """A right that a role does not have. `thing`: the table, sequence, function or database as
    PostgreSQL names it in its error; `grant`: the GRANT statement."""

    thing: str
    grant: str


# By column, as a site may grant only the columns that the worker writes. The sequence of a serial
# column needs a right of its own, that of an identity column does not.
MISSING = text("""
    WITH needed AS (
        SELECT to_regclass(n.name) AS oid, n.name, n.may
          FROM unnest(CAST(:tables AS text[]), CAST(:rights AS text[])) AS n(name, may)
         WHERE to_regclass(n.name) IS NOT NULL
    ), missing AS (
        SELECT c.relname::text AS thing, n.may, 'table' AS kind, n.oid::text AS place
          FROM needed n JOIN pg_class c ON c.oid = n.oid
         WHERE NOT CASE n.may WHEN 'DELETE' THEN has_table_privilege(:asked, n.oid, n.may)
                        ELSE has_any_column_privilege(:asked, n.oid, n.may) END
         UNION ALL
        SELECT s.nspname, 'USAGE', 'schema', 'SCHEMA ' || quote_ident(s.nspname)
          FROM pg_namespace s
         WHERE s.oid IN (SELECT c.relnamespace FROM needed n JOIN pg_class c ON c.oid = n.oid)
           AND NOT has_schema_privilege(:asked, s.oid, 'USAGE')
         UNION ALL
        SELECT s.relname, 'USAGE', 'sequence', 'SEQUENCE ' || s.oid::regclass
          FROM pg_depend d JOIN pg_class s ON s.oid = d.objid
         WHERE d.classid = 'pg_class'::regclass AND d.refobjid = to_regclass('tutor_sessions')
           AND d.deptype = 'a'
           AND NOT CASE s.relkind WHEN 'S' THEN has_sequence_privilege(:asked, s.oid, 'USAGE') END
         UNION ALL
        SELECT p.proname, 'EXECUTE', 'function', 'FUNCTION ' || p.oid::regprocedure
          FROM unnest(CAST(:functions AS text[])) AS f(name)
          JOIN pg_proc p ON p.oid = to_regprocedure(f.name)
         WHERE NOT has_function_privilege(:asked, p.oid, 'EXECUTE')
         UNION ALL
        SELECT current_database(), r.may, 'database', 'DATABASE ' || quote_ident(current_database())
          FROM (VALUES ('CONNECT'), ('TEMPORARY')) AS r(may)
         WHERE NOT has_database_privilege(:asked, current_database(), r.may)
    ), of_each AS (
        SELECT kind, place, string_agg(DISTINCT may, ', ') AS rights FROM missing GROUP BY 1, 2
    ), together AS (
        SELECT rights, string_agg(place, ', ' ORDER BY place) AS places, array_agg(place) AS all_of
          FROM of_each GROUP BY rights, kind, CASE kind WHEN 'table' THEN '' ELSE place END)
    SELECT DISTINCT l.thing, format('GRANT %s ON %s TO %I', g.rights, g.places, :role) AS grant
      FROM missing l JOIN together g ON l.place = ANY(g.all_of)
     ORDER BY l.thing""")


def missing_rights(conn: Connection, role: str | None = None) -> tuple[MissingRight, ...]:
    """Rights that the role (by default the connection's) would need and does not have.

    Raises ProgrammingError where there is no such role.
    """
    role = role or str(conn.scalar(text("SELECT current_user")))
    return rights_missing_of(conn, asked=role, role=role)


# One of PostgreSQL's own roles, which has the rights of PUBLIC only.
POWERLESS = "pg_signal_backend"


def rights_of_a_new_role(conn: Connection, role: str) -> tuple[MissingRight, ...]:
    """Rights to grant to a role that does not exist yet."""
    return rights_missing_of(conn, asked=POWERLESS, role=role)


def rights_missing_of(conn: Connection, asked: str, role: str) -> tuple[MissingRight, ...]:
    """Rights that the role `asked` does not have, with GRANTs to `role`."""
    needed = [(table, right) for table, rights in ON_TABLES.items() for right in rights]
    parameters = {
        "asked": asked,
        "role": role,
        "tables": [table for table, _ in needed],
        "rights": [right for _, right in needed],
        "functions": [*FUNCTIONS],
    }
    return tuple(MissingRight(*row) for row in conn.execute(MISSING, parameters))


def grants(missing: Sequence[MissingRight]) -> str:
    """The GRANT statements, for an owner of the tables to run, in one line."""
    return "; ".join(statements(missing))


def statements(missing: Sequence[MissingRight]) -> tuple[str, ...]:
    """The GRANT statements, without duplicates."""
    return tuple(sorted({one.grant for one in missing}))


# Rights that the worker does not need. Owners have all rights on their tables.
EXCESS = text("""
    SELECT excess FROM (
        SELECT 1 AS place, 'is a superuser' AS excess FROM pg_roles
         WHERE rolname = :role AND rolsuper
         UNION ALL
        SELECT 2, 'may create roles' FROM pg_roles WHERE rolname = :role AND rolcreaterole
         UNION ALL
        SELECT 3, 'may create databases' FROM pg_roles WHERE rolname = :role AND rolcreatedb
         UNION ALL
        SELECT 4, 'may pass by row-level security' FROM pg_roles
         WHERE rolname = :role AND rolbypassrls
         UNION ALL
        SELECT 5, 'may create in the schema ' || s.nspname FROM pg_namespace s
         WHERE s.nspname = 'session_worker' AND has_schema_privilege(:role, s.oid, 'CREATE')
         UNION ALL
        SELECT 6, 'may ' || string_agg(r.may, ', ') || ' on ' || n.name
          FROM unnest(CAST(:tables AS text[]), CAST(:rights AS text[])) AS n(name, rights)
               CROSS JOIN unnest(
                   ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS r(may)
         WHERE to_regclass(n.name) IS NOT NULL AND r.may <> ALL(string_to_array(n.rights, ' '))
           AND has_table_privilege(:role, to_regclass(n.name), r.may)
         GROUP BY n.name) e
     ORDER BY place, excess""")


def excessive_rights(conn: Connection, role: str) -> tuple[str, ...]:
    """What the role may do beyond a worker's needs, as 'may DELETE on tutor_sessions'.

    Of a superuser only that is said: it may do everything.
    """
    parameters = {
        "role": role,
        "tables": [*ON_TABLES],
        "rights": [" ".join(rights) for rights in ON_TABLES.values()],
    }
    found = tuple(conn.scalars(EXCESS, parameters))
    return found[:1] if found[:1] == ("is a superuser",) else found
