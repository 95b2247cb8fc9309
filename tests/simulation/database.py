"""A database whose clock is the simulation's, and which notes each change of a delivery's state.

`simulated` stands before `pg_catalog` in the search path, so the worker's own statements find the
simulated clock under the names that they use. The worker's code is not touched for it.
"""

from sqlalchemy import Connection, text

from models.installation import adopt_installation
from models.migrations import upgrade
from models.site import SITE_TABLES, create_site_tables
from tasks.demo.servers import create_database
from tasks.demo.servers.databases import Server
from tests import servers

# A sequence, as it is read and set outside of transactions.
CLOCK = """
    CREATE SCHEMA simulated;
    CREATE SEQUENCE simulated.clock;
    CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
        SELECT timestamptz '2026-01-01 00:00+00' + last_value * interval '1 microsecond'
          FROM simulated.clock $$;
    CREATE FUNCTION simulated.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
        SELECT timestamptz '2026-01-01 00:00+00' + last_value * interval '1 microsecond'
          FROM simulated.clock $$;
    CREATE UNLOGGED TABLE simulated.edge (source text, target text);
    CREATE FUNCTION simulated.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO simulated.edge VALUES (CASE TG_OP WHEN 'INSERT' THEN '[*]' ELSE OLD.state END,
                                           CASE TG_OP WHEN 'DELETE' THEN '[*]' ELSE NEW.state END);
        RETURN NULL; END $$;
    CREATE UNLOGGED TABLE simulated.touched (id bigint, at timestamptz);
    CREATE FUNCTION simulated.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO simulated.touched VALUES (NEW.id, simulated.now());
        RETURN NULL; END $$;
    CREATE TRIGGER touch AFTER INSERT OR UPDATE ON tutor_sessions
       FOR EACH ROW EXECUTE FUNCTION simulated.touch()"""
SETTINGS = """
    ALTER DATABASE {name} SET search_path = simulated, pg_catalog, public;
    ALTER DATABASE {name} SET deadlock_timeout = '20ms';
    ALTER DATABASE {name} SET jit = off;
    ALTER DATABASE {name} SET join_collapse_limit = 1;
    ALTER DATABASE {name} SET from_collapse_limit = 1"""
TRIGGER = """
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON session_worker.delivery
       FOR EACH ROW EXECUTE FUNCTION simulated.note()"""
TABLES = text("""
    SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
     WHERE schemaname = 'session_worker' AND tablename NOT LIKE '%version%'
           AND tablename <> 'receipt_word'
        OR schemaname = 'simulated'
        OR schemaname = 'public' AND tablename = ANY(:site)""")


def create_simulated(server: Server, name: str) -> str:
    """Create the database; returns its URL."""
    create_database(server, name)
    with servers.engine_on(server.url(name)).begin() as conn:
        create_site_tables(conn)
        conn.execute(text(CLOCK))
        conn.execute(text(SETTINGS.format(name=name)))
    with servers.engine_on(server.url(name)).begin() as conn:
        upgrade(conn)
        conn.execute(text(TRIGGER))
    return server.url(name)


def empty(conn: Connection) -> None:
    """As it was created, at home and without rows."""
    site = [table.name for table in SITE_TABLES.sorted_tables]
    tables = conn.execute(TABLES, {"site": site}).scalar_one()
    conn.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    adopt_installation(conn)
    conn.commit()
