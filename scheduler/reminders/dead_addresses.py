"""Addresses that refused for good, remembered by hash: nothing is sent to them until an admin
revives them, or they change (docs/receipts.md).

A hash is of the channel and the address, with a salt of the installation's own; the address itself
is not kept.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

from sqlalchemy import Connection, text

NO_SALT = UUID(int=0)


class Cause(StrEnum):
    """Cause of an address's death, as in the column `dead_address.cause`."""

    REFUSED = "refused"  # by the mail server or the provider, while it was handed over
    BOUNCED = "bounced"  # the mail came back: there is no such mailbox or domain
    FIVE_TIMES = "bounced_five_times"  # in a row, each for a reason that might have passed
    GONE = "gone"  # the provider's receipt: there is no such number
    OPTED_OUT = "opted_out"  # the provider's receipt: the person wants nothing


@dataclass(frozen=True, slots=True)
class DeadAddresses:
    """The hashes of dead addresses, and the salt of this installation's hashes."""

    salt: UUID = NO_SALT
    hashes: frozenset[int] = frozenset()

    def hash_of(self, channel: str, address: str) -> int:
        """Hash of an address as the channel uses it: 64 bits, signed, as PostgreSQL's bigint."""
        given = f"{channel}\0{address.strip().lower()}".encode()
        digest = blake2b(given, digest_size=8, key=self.salt.bytes).digest()
        return int.from_bytes(digest, "big", signed=True)

    def has(self, channel: str, address: str) -> bool:
        return bool(self.hashes) and self.hash_of(channel, address) in self.hashes


NONE_DEAD = DeadAddresses()

# One row, and a small table: the addresses of a school that are dead.
READ = text("""
    SELECT i.address_salt,
           ARRAY(SELECT k.address FROM session_worker.dead_address k WHERE k.revived_at IS NULL)
      FROM session_worker.installation i""")


def dead_addresses(conn: Connection) -> DeadAddresses:
    """All dead addresses of the installation."""
    salt, hashes = conn.execute(READ).one()
    return DeadAddresses(salt, frozenset(hashes))


# Index: primary keys. A try from before a revival says nothing any more.
BURY = text("""
    INSERT INTO session_worker.dead_address AS k (address, channel, cause)
    SELECT DISTINCT ON (a.address) a.address, a.channel, :cause
      FROM session_worker.attempt a
      LEFT JOIN session_worker.dead_address old ON old.address = a.address
     WHERE a.id = ANY(CAST(:tries AS bigint[])) AND a.address IS NOT NULL
       AND a.begun_at > coalesce(old.revived_at, '-infinity')
    ON CONFLICT (address) DO UPDATE
       SET cause = excluded.cause, dead_at = clock_timestamp(), revived_at = NULL
     WHERE k.revived_at IS NOT NULL
    RETURNING k.address""")


def bury(conn: Connection, tries: Collection[int], cause: Cause) -> frozenset[int]:
    """Remember the addresses of these tries as dead. Returns those that were alive until now."""
    return frozenset(conn.scalars(BURY, {"tries": [*tries], "cause": cause}))


# The tries that did not reach their address. As the index attempt_undelivered has it.
UNDELIVERED = "(a.receipt = 'undelivered' OR a.final AND a.about = 'person')"
IN_A_ROW = 5
# How the status of a bounce begins that may be about a copy alone (docs/bounces.md).
WITH_A_COPY = "bounced with a copy"

# Indexes: attempt_undelivered, for few addresses; attempt_recent, and only where there are five.
# A mail that came back is known hours later: one that was sent after it says nothing, so that the
# row is between the first and the last of the five.
TIRED = text(f"""
    WITH failed AS (
        SELECT a.address, a.message_key, max(a.id) AS id, max(a.begun_at) AS at
          FROM session_worker.attempt a
          LEFT JOIN session_worker.dead_address k ON k.address = a.address
         WHERE a.address IN (SELECT address FROM session_worker.attempt
                              WHERE id = ANY(CAST(:tries AS bigint[])))
           AND {UNDELIVERED} AND a.begun_at > coalesce(k.revived_at, '-infinity')
           AND NOT EXISTS (SELECT FROM session_worker.receipt r
                            WHERE r.channel = a.channel AND r.reference = a.message_key::text
                              AND r.status LIKE '{WITH_A_COPY}%')
         GROUP BY a.address, a.message_key
    ), latest AS (
        SELECT *, row_number() OVER (PARTITION BY address ORDER BY at DESC) AS place FROM failed
    ), five AS (
        SELECT address, max(id) AS id, min(at) AS since, max(at) AS until
          FROM latest WHERE place <= {IN_A_ROW} GROUP BY address HAVING count(*) = {IN_A_ROW}
    )
    SELECT id FROM five
     WHERE NOT EXISTS (
         SELECT FROM session_worker.attempt a
          WHERE a.begun_at BETWEEN five.since AND five.until AND a.address = five.address
            AND a.outcome = 'sent' AND {UNDELIVERED} IS NOT TRUE)""")


def bury_tired(conn: Connection, tries: Collection[int]) -> frozenset[int]:
    """Remember as dead those of the tries' addresses whose last five messages all failed."""
    tired = conn.scalars(TIRED, {"tries": [*tries]}).all()
    return bury(conn, tired, Cause.FIVE_TIMES) if tired else frozenset()


# Index: primary key.
REVIVE = text("""
    UPDATE session_worker.dead_address SET revived_at = :now
     WHERE address = ANY(CAST(:addresses AS bigint[])) AND revived_at IS NULL
    RETURNING address""")


def revive(conn: Connection, addresses: Collection[int], now: datetime) -> frozenset[int]:
    """Use these addresses again. Returns the hashes of those that were dead."""
    return frozenset(conn.scalars(REVIVE, {"addresses": [*addresses], "now": now}))


# There is no index by person: the ledger is scanned, for a command that is rarely given.
TRIED_FOR = text("""
    SELECT DISTINCT a.address FROM session_worker.attempt a
      JOIN session_worker.delivery d ON d.id = a.delivery_id
      JOIN session_worker.dead_address k ON k.address = a.address
     WHERE d.recipient = :person""")


def dead_addresses_of(conn: Connection, person: str) -> Sequence[int]:
    """Hashes of the addresses that died by messages to the person, a key such as 'user:7'."""
    return conn.scalars(TRIED_FOR, {"person": person}).all()


# Indexes: attempt_undelivered, delivery_start.
WAITING = text(f"""
    SELECT d.id FROM session_worker.delivery d
     WHERE d.starts_at > :now AND d.state = 'unreachable' AND d.reason LIKE '%dead_address%'
       AND NOT session_worker.begun(d.kind, d.lead_minutes, d.starts_at, d.change, :now)
       AND d.recipient IN (
           SELECT l.recipient FROM session_worker.attempt a
             JOIN session_worker.delivery l ON l.id = a.delivery_id
            WHERE a.address = ANY(CAST(:addresses AS bigint[])) AND {UNDELIVERED})
     ORDER BY d.id""")


def waiting_for(conn: Connection, addresses: Collection[int], now: datetime) -> Sequence[int]:
    """Ids of messages that were unreachable by these addresses, and whose session has not begun."""
    return conn.scalars(WAITING, {"addresses": [*addresses], "now": now}).all()
