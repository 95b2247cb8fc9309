"""Identity of the server and database that a ledger belongs to (design, "The wrong database").

A copy or a restore of the database contains the ledger, and its messages must not be sent twice.
A dump restored elsewhere has another system identifier, one restored in the same place has other
object ids, a copy on the same server has another name, and a promoted base backup another timeline.
A copied data folder keeps all of these: it is recognised only by its address.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum

from sqlalchemy import Connection, text


class SchemaIsNewer(Exception):
    """The ledger was set up by a newer worker. The message is one line with a cure."""


@dataclass(frozen=True, slots=True)
class Home:
    """Identity of a database. `objects`: the object ids (pg_class.oid and such) of the database and
    of two tables of the ledger, which change with a restore."""

    system_identifier: str
    database_name: str
    timeline: int
    objects: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The home that a ledger has recorded. `addresses`: the hosts and ports at which its worker
    reached it, such as 'db.example:5432'; empty before a worker's first pass."""

    home: Home
    addresses: frozenset[str]


class Whereabouts(Enum):
    """Relation of a ledger's present database to its recorded home."""

    HOME = "the server and database on which it was set up"
    REWOUND = "at home, on another timeline: restored to an earlier moment, or failed over"
    ELSEWHERE = "on a copy"
    OTHER_ADDRESS = "as at home, but at another host or port: a copied folder, or a moved server"


# The right can be revoked, and servers that only resemble PostgreSQL may not have the function.
MAY_ASK = text("""
    SELECT coalesce(
        has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE'), false)""")

ASK_SYSTEM = text("SELECT system_identifier::text FROM pg_control_system()")

# Weaker substitute: a dump restored elsewhere mostly gets another oid.
ASK_DATABASE_OID = text("SELECT 'oid:' || oid FROM pg_database WHERE datname = current_database()")

# The name of a WAL file begins with the timeline. Unlike pg_control_checkpoint() it is correct
# immediately after a promotion.
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
    """Record this database as the ledger's home, if none is recorded yet."""
    connection.execute(RECORD, asdict(home_of(connection)))


def adopt_installation(connection: Connection) -> None:
    """Make this database the ledger's home, replacing the record (`doctor --adopt-database`).

    Where only the address differs, the old and the new one are both valid from now on; otherwise
    the worker's next pass records its own. Only where nothing is recorded, it needs the right to
    INSERT, which is the owner's.
    """
    if recorded_home(connection) is None:
        record_installation(connection)
    recorded, here = recorded_home(connection), home_of(connection)
    addresses = frozenset[str]()
    if recorded is not None and recorded.home == here and recorded.addresses:
        addresses = recorded.addresses | addresses_of(connection)
    connection.execute(ADOPT, {**asdict(here), "addresses": sorted(addresses)})


def note_addresses(connection: Connection) -> None:
    """Record the addresses at which a worker reaches the ledger, if none are recorded yet."""
    recorded = recorded_home(connection)
    if recorded is not None and not recorded.addresses:
        connection.execute(NOTE_ADDRESSES, {"addresses": sorted(addresses_of(connection))})


def installation_matches(connection: Connection) -> bool:
    """True where the ledger was set up on this database. False where nothing is recorded."""
    return whereabouts(connection) is Whereabouts.HOME


def whereabouts(connection: Connection) -> Whereabouts:
    """Relation of this connection's database to the ledger's recorded home."""
    recorded, here = recorded_home(connection), home_of(connection)
    if recorded is None or replace(recorded.home, timeline=here.timeline) != here:
        return Whereabouts.ELSEWHERE
    known = not recorded.addresses or recorded.addresses & addresses_of(connection)
    if recorded.home == here:
        return Whereabouts.HOME if known else Whereabouts.OTHER_ADDRESS
    return Whereabouts.REWOUND if known else Whereabouts.ELSEWHERE


def recorded_home(connection: Connection) -> Recorded | None:
    """The recorded home, or None where nothing is recorded."""
    row = connection.execute(RECORDED).one_or_none()
    return None if row is None else Recorded(Home(*row[:4]), frozenset(row.addresses))


def home_of(connection: Connection) -> Home:
    """Identity of this connection's database."""
    ask = ASK_SYSTEM if connection.scalar(MAY_ASK) else ASK_DATABASE_OID
    system_identifier = str(connection.scalar(ask))
    database = connection.execute(ASK_DATABASE).one()
    return Home(system_identifier, database.name, database.timeline, database.objects)


LOOPBACK = {"localhost", "127.0.0.1", "::1"}
DEFAULT_PORT = "5432"


def addresses_of(connection: Connection) -> frozenset[str]:
    """'host:port' of each server in DATABASE_URL, with the socket's folder in place of a host.

    All of them, not only the one that answered, as several hosts are given for fail-over.
    """
    info = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
    return addresses_in(info.dsn_parameters, info.host or "")


def addresses_in(given: Mapping[str, str], host: str) -> frozenset[str]:
    """Addresses in libpq's parameters `given`; `host` is the one used if none is given."""
    hosts = (given.get("host") or given.get("hostaddr") or host).split(",")
    ports = (given.get("port") or DEFAULT_PORT).split(",")
    pairs = zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=False)
    return frozenset(f"{one_name(each)}:{port or DEFAULT_PORT}" for each, port in pairs)


def one_name(host: str) -> str:
    """Canonical name of a host: one for all names of this machine, and for a socket's folder."""
    if host.startswith("/"):
        return os.path.realpath(host)
    return "localhost" if host.lower() in LOOPBACK else host.lower()


def in_words(addresses: Collection[str]) -> str:
    """The addresses in one text for an admin."""
    return " and ".join(sorted(addresses))
