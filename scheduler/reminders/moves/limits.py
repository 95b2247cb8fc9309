"""Limits on what one person gets, and on one text to one number."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.reminders.moves.held_batches import open_batch
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged
from scheduler.settings import Rate

SAME_TEXT = "same_text"
# The fifth same text to one number within this time is held (design, "Stop").
TIMES = 4
WITHIN = timedelta(minutes=30)

FULL_UNTIL = text("""
    SELECT session_worker.person_full_until(:recipient, :key, :most, :per, :at)""")


def full_until(
    conn: Connection, recipient: str, key: UUID, rate: Rate, at: datetime
) -> datetime | None:
    """When the person may have this message, if others have used up their rate; else None.

    Until the transaction ends nobody else sends to this person.
    """
    given = {"recipient": recipient, "key": key, "most": rate.count, "per": rate.per, "at": at}
    found: datetime | None = conn.scalar(FULL_UNTIL, given)
    return found


SAID_BEFORE = text("SELECT session_worker.said_before(:digest, :key, :since)")
# Index: primary key.
NOTE_TEXT = text("""
    INSERT INTO session_worker.sms_text (digest, message_key, said_at) VALUES (:digest, :key, :at)
    ON CONFLICT (digest, message_key) DO NOTHING""")


def said_too_often(conn: Connection, number: str, words: str, key: UUID, at: datetime) -> bool:
    """True where the number got these words four times in the last half hour; else it is noted."""
    digest = sha256(f"{number}\0{words}".encode()).digest()
    given = {"digest": digest, "key": key, "since": at - WITHIN, "at": at}
    if (conn.scalar(SAID_BEFORE, given) or 0) >= TIMES:
        return True
    conn.execute(NOTE_TEXT, given)
    return False


# Index: primary key.
HOLD_REPEATED = noted("""
    UPDATE session_worker.delivery
       SET state = 'held', reason = :cause, batch = :batch, holder = NULL, lease_until = NULL
     WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'claimed' AND holder = :holder
       AND lease_until > clock_timestamp()
    RETURNING id, state, reason""")


@logged
def hold_repeated(
    conn: Connection, ids: Sequence[int], holder: UUID, detail: str
) -> frozenset[int]:
    """claimed → held: the same text went to this number too often. Returns the ids that moved."""
    batch = open_batch(conn, SAME_TEXT, detail)
    given = {"ids": [*ids], "holder": holder, "cause": SAME_TEXT, "batch": batch}
    return frozenset(conn.scalars(HOLD_REPEATED, given))
