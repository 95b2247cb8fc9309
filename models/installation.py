"""Which server and database a ledger belongs to (design, "The wrong database").

A copy or a restore of the database carries the ledger along; its messages must not go out twice.
A dump restored elsewhere has another system identifier, a copy on the same server another name,
and a restored or promoted base backup another timeline.
"""

from dataclasses import dataclass, replace
from enum import Enum

from sqlalchemy import Connection, text


class SchemaIsNewer(Exception):
    """The ledger was set up by a newer worker. One line that says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """A database as told apart from its copies."""

    system_identifier: str
    database_name: str
    timeline: int


class Whereabouts(Enum):
    """Where a ledger finds itself."""

    HOME = "the server and database it was set up on"
    REWOUND = "at home, on another timeline: restored to an earlier moment, or failed over"
    ELSEWHERE = "on a copy"


# The right can be revoked, and the function can lack on servers that only resemble PostgreSQL.
MAY_ASK = text("""
    SELECT coalesce(
        has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE'), false)""")

ASK_SYSTEM = text("SELECT system_identifier::text FROM pg_control_system()")

# Weaker: a dump restored elsewhere mostly gets another oid.
ASK_DATABASE_OID = text("SELECT 'oid:' || oid FROM pg_database WHERE datname = current_database()")

# The name of a WAL file begins with the timeline; unlike pg_control_checkpoint() it is right from
# the moment of a promotion on.
ASK_DATABASE = text("""
    SELECT current_database() AS name,
           ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint AS timeline""")

RECORD = text("""
    INSERT INTO session_worker.installation (system_identifier, database_name, timeline)
    VALUES (:system_identifier, :database_name, :timeline)
    ON CONFLICT (one) DO NOTHING""")

RECORDED = text("""
    SELECT system_identifier, database_name, timeline FROM session_worker.installation""")

ADOPT = text("""
    UPDATE session_worker.installation
       SET system_identifier = :system_identifier, database_name = :database_name,
           timeline = :timeline""")


def record_installation(connection: Connection) -> None:
    """Note this database as the ledger's home, if none is noted yet."""
    connection.execute(RECORD, parameters(home_of(connection)))


def adopt_installation(connection: Connection) -> None:
    """Make this database the ledger's home, whatever was noted (`doctor --adopt-database`)."""
    record_installation(connection)
    connection.execute(ADOPT, parameters(home_of(connection)))


def installation_matches(connection: Connection) -> bool:
    """Whether the ledger was set up on this very database. False also where nothing is noted."""
    return recorded_home(connection) == home_of(connection)


def whereabouts(connection: Connection) -> Whereabouts:
    recorded, here = recorded_home(connection), home_of(connection)
    if recorded == here:
        return Whereabouts.HOME
    if recorded is not None and replace(recorded, timeline=here.timeline) == here:
        return Whereabouts.REWOUND
    return Whereabouts.ELSEWHERE


def recorded_home(connection: Connection) -> Home | None:
    row = connection.execute(RECORDED).one_or_none()
    return None if row is None else Home(row.system_identifier, row.database_name, row.timeline)


def home_of(connection: Connection) -> Home:
    """The database of this connection."""
    ask = ASK_SYSTEM if connection.scalar(MAY_ASK) else ASK_DATABASE_OID
    system_identifier = str(connection.scalar(ask))
    database = connection.execute(ASK_DATABASE).one()
    return Home(system_identifier, database.name, database.timeline)


def parameters(home: Home) -> dict[str, str | int]:
    return {
        "system_identifier": home.system_identifier,
        "database_name": home.database_name,
        "timeline": home.timeline,
    }
