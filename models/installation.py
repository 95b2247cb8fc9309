"""Identity of the server and database that a ledger belongs to (design, "The wrong database").

A copy or a restore of the database carries the ledger along; its messages must not go out twice.
A dump restored elsewhere has another system identifier, one restored in the same place other object
ids, a copy on the same server another name, and a promoted base backup another timeline. A data
folder that is just started again keeps them all: then only the way to it is another.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum

from sqlalchemy import Connection, text


class SchemaIsNewer(Exception):
    """The ledger was set up by a newer worker. One line that says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """A database as told apart from its copies. `objects`: the ids (pg_class.oid and such) of the
    database and of two tables of the ledger, which a restore makes anew."""

    system_identifier: str
    database_name: str
    timeline: int
    objects: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a ledger notes of its place. `addresses`: the hosts and ports by which its worker
    reached it, such as 'db.example:5432'; empty until a worker's first round."""

    home: Home
    addresses: frozenset[str]


class Whereabouts(Enum):
    """Where a ledger finds itself."""

    HOME = "the server and database it was set up on"
    REWOUND = "at home, on another timeline: restored to an earlier moment, or failed over"
    ELSEWHERE = "on a copy"
    OTHER_ADDRESS = "all as at home, but reached by another host or port: a folder copied, or moved"


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
           ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint AS timeline,
           concat_ws(':', (SELECT oid FROM pg_database WHERE datname = current_database()),
                     to_regclass('session_worker.installation')::oid,
                     to_regclass('session_worker.delivery')::oid) AS objects""")

RECORD = text("""
    INSERT INTO session_worker.installation (system_identifier, database_name, timeline, objects)
    VALUES (:system_identifier, :database_name, :timeline, :objects)
    ON CONFLICT (one) DO NOTHING""")

RECORDED = text("""
    SELECT system_identifier, database_name, timeline, objects, addresses
      FROM session_worker.installation""")

ADOPT = text("""
    UPDATE session_worker.installation
       SET system_identifier = :system_identifier, database_name = :database_name,
           timeline = :timeline, objects = :objects, addresses = CAST(:addresses AS text[])""")

NOTE_ADDRESSES = text("""
    UPDATE session_worker.installation SET addresses = CAST(:addresses AS text[])""")


def record_installation(connection: Connection) -> None:
    """Note this database as the ledger's home, if none is noted yet."""
    connection.execute(RECORD, asdict(home_of(connection)))


def adopt_installation(connection: Connection) -> None:
    """Make this database the ledger's home, whatever was noted (`doctor --adopt-database`).

    Where only the way to it is another, both ways are right from now on; else the worker's next
    round notes its own.
    """
    record_installation(connection)
    recorded, here = recorded_home(connection), home_of(connection)
    addresses = frozenset[str]()
    if recorded is not None and recorded.home == here and recorded.addresses:
        addresses = recorded.addresses | addresses_of(connection)
    connection.execute(ADOPT, {**asdict(here), "addresses": sorted(addresses)})


def note_addresses(connection: Connection) -> None:
    """Note how a worker reached the ledger, where that is not known yet."""
    recorded = recorded_home(connection)
    if recorded is not None and not recorded.addresses:
        connection.execute(NOTE_ADDRESSES, {"addresses": sorted(addresses_of(connection))})


def installation_matches(connection: Connection) -> bool:
    """Whether the ledger was set up on this very database. False also where nothing is noted."""
    return whereabouts(connection) is Whereabouts.HOME


def whereabouts(connection: Connection) -> Whereabouts:
    recorded, here = recorded_home(connection), home_of(connection)
    if recorded is None or replace(recorded.home, timeline=here.timeline) != here:
        return Whereabouts.ELSEWHERE
    known = not recorded.addresses or recorded.addresses & addresses_of(connection)
    if recorded.home == here:
        return Whereabouts.HOME if known else Whereabouts.OTHER_ADDRESS
    return Whereabouts.REWOUND if known else Whereabouts.ELSEWHERE


def recorded_home(connection: Connection) -> Recorded | None:
    row = connection.execute(RECORDED).one_or_none()
    return None if row is None else Recorded(Home(*row[:4]), frozenset(row.addresses))


def home_of(connection: Connection) -> Home:
    """The database of this connection."""
    ask = ASK_SYSTEM if connection.scalar(MAY_ASK) else ASK_DATABASE_OID
    system_identifier = str(connection.scalar(ask))
    database = connection.execute(ASK_DATABASE).one()
    return Home(system_identifier, database.name, database.timeline, database.objects)


LOOPBACK = {"localhost", "127.0.0.1", "::1"}
DEFAULT_PORT = "5432"


def addresses_of(connection: Connection) -> frozenset[str]:
    """'host:port' of each server that DATABASE_URL names, or the socket's folder for a host.

    All of them, not just the one that answered: behind several hosts a server may fail over.
    """
    info = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
    return addresses_in(info.dsn_parameters, info.host or "")


def addresses_in(given: Mapping[str, str], host: str) -> frozenset[str]:
    """`given`: libpq's parameters; `host`: where it went when it was given none."""
    hosts = (given.get("host") or given.get("hostaddr") or host).split(",")
    ports = (given.get("port") or DEFAULT_PORT).split(",")
    pairs = zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=False)
    return frozenset(f"{one_name(each)}:{port or DEFAULT_PORT}" for each, port in pairs)


def one_name(host: str) -> str:
    """The same word for each name of this machine, and for each way to write a socket's folder."""
    if host.startswith("/"):
        return os.path.realpath(host)
    return "localhost" if host.lower() in LOOPBACK else host.lower()


def in_words(addresses: Collection[str]) -> str:
    return " and ".join(sorted(addresses))
