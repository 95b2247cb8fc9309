"""Tokens of people's calendar feeds: made, listed, revoked, and looked up when a feed is read."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, text

from scheduler.reminders.moves.refusal import LedgerRefusal

# A feed is read every few minutes; its last use is written this often.
USED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FeedToken:
    """A token without its secret. `used_at`: its last use, to the hour."""

    id: int
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reader:
    """The person whose feed is read. `is_noted`: this use needs no record. `now`: on the database's
    clock."""

    token_id: int
    person_id: int
    is_noted: bool
    now: datetime


KNOWN = text("SELECT EXISTS (SELECT FROM users WHERE id = :person)")
MAKE = text("""
    INSERT INTO session_worker.feed_token (person_id, digest) VALUES (:person, :digest)""")


def make_token(conn: Connection, person_id: int) -> str:
    """A new token for the person's feed, which is stored nowhere: show it once.

    Raises LedgerRefusal where there is no such user.
    """
    if not conn.scalar(KNOWN, {"person": person_id}):
        raise LedgerRefusal(f"there is no person {person_id}: give an id of the table users.")
    token = secrets.token_urlsafe(24)
    conn.execute(MAKE, {"person": person_id, "digest": digest_of(token)})
    return token


# Index: feed_token_person.
LIST = text("""
    SELECT id, made_at, used_at, revoked_at FROM session_worker.feed_token
     WHERE person_id = :person ORDER BY id""")


def tokens_of(conn: Connection, person_id: int) -> Sequence[FeedToken]:
    """The person's tokens, revoked ones too, in the order in which they were made."""
    return [FeedToken(*row) for row in conn.execute(LIST, {"person": person_id})]


# Index: primary key.
REVOKE = text("""
    UPDATE session_worker.feed_token SET revoked_at = coalesce(revoked_at, clock_timestamp())
     WHERE id = :id AND person_id = :person RETURNING id""")


def revoke_token(conn: Connection, person_id: int, token_id: int) -> None:
    """End a token for good. Raises LedgerRefusal where the person has no such token."""
    if conn.scalar(REVOKE, {"id": token_id, "person": person_id}) is None:
        raise LedgerRefusal(
            f"person {person_id} has no token {token_id}: `celery -A tasks feed {person_id}`"
            " lists theirs."
        )


# Index: feed_token_digest_key.
READER = text("""
    SELECT id, person_id, coalesce(used_at > clock_timestamp() - CAST(:every AS interval), false),
           clock_timestamp()
      FROM session_worker.feed_token WHERE digest = :digest AND revoked_at IS NULL""")


def reader_of(conn: Connection, token: str) -> Reader | None:
    """Whose feed the token opens; None where it is unknown or revoked."""
    given = {"digest": digest_of(token), "every": USED_EVERY}
    row = conn.execute(READER, given).one_or_none()
    return None if row is None else Reader(*row)


# Index: primary key.
NOTE_USE = text("UPDATE session_worker.feed_token SET used_at = :now WHERE id = :id")


def note_use(conn: Connection, reader: Reader) -> None:
    """Record that the token was used."""
    conn.execute(NOTE_USE, {"id": reader.token_id, "now": reader.now})


def digest_of(token: str) -> bytes:
    """SHA-256: a token has 192 random bits, so that it needs no salt and no slow hash."""
    return sha256(token.encode()).digest()
