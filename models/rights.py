"""Rights that the worker needs and a connection's user does not have, and the GRANTs for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Lacking:
    """`thing`: the table, sequence or database as PostgreSQL names it when it refuses."""

    thing: str
    grant: str


# By column, as a site may grant no more than the columns that the worker writes. A sequence behind
# a serial column asks for a right of its own, an identity column's does not.
LACKING = text("""
    WITH needed AS (
        SELECT c.oid, c.relname::text AS thing, c.oid::regclass::text AS place,
               '{SELECT,INSERT,UPDATE}'::text[] AS rights
          FROM pg_class c WHERE c.oid = to_regclass('tutor_sessions')
         UNION ALL
        SELECT c.oid, c.relname, 'ALL TABLES IN SCHEMA session_worker',
               '{SELECT,INSERT,UPDATE,DELETE}'
          FROM pg_class c
         WHERE c.relnamespace = to_regnamespace('session_worker') AND c.relkind = 'r'
    ), lacking AS (
        SELECT n.thing, r.may, n.place
          FROM needed n CROSS JOIN unnest(n.rights) AS r(may)
         WHERE NOT CASE r.may WHEN 'DELETE' THEN has_table_privilege(n.oid, r.may)
                        ELSE has_any_column_privilege(n.oid, r.may) END
         UNION ALL
        SELECT s.relname, 'USAGE', 'SEQUENCE ' || s.oid::regclass
          FROM pg_depend d JOIN pg_class s ON s.oid = d.objid
         WHERE d.classid = 'pg_class'::regclass AND d.refobjid = to_regclass('tutor_sessions')
           AND d.deptype = 'a'
           AND NOT CASE s.relkind WHEN 'S' THEN has_sequence_privilege(s.oid, 'USAGE') END
         UNION ALL
        SELECT current_database(), 'TEMPORARY', 'DATABASE ' || quote_ident(current_database())
         WHERE NOT has_database_privilege(current_database(), 'TEMPORARY'))
    SELECT thing, format('GRANT %s ON %s TO %I', rights, place, current_user) AS grant
      FROM (SELECT place, string_agg(DISTINCT may, ', ') AS rights FROM lacking GROUP BY 1) a
      JOIN (SELECT DISTINCT thing, place FROM lacking) b USING (place)
     ORDER BY thing""")


def lacking_rights(conn: Connection) -> tuple[Lacking, ...]:
    """Empty where the user may do all that a worker does."""
    return tuple(Lacking(*row) for row in conn.execute(LACKING))


def grants(lacking: Sequence[Lacking]) -> str:
    """The statements that an owner of the tables would run, in one line."""
    return "; ".join(sorted({one.grant for one in lacking}))
