"""Moves by receipts: a message that arrived, and one that did not and takes the next channel.

What a receipt says is on its try at once (session_worker.receipt); the sweep draws the consequences
here, also for receipts that came before the provider's id of the try was recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.reminders.dead_addresses import Cause, bury, bury_tired
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.late_answers import mark_sent_late
from scheduler.reminders.moves.move_log import logged
from scheduler.settings import Inbox, Settings

# Receipts that one sweep looks at; the next sweep comes in ten seconds.
AT_ONCE = 1000
# How long a receipt waits for its try's id; a provider's first word comes within seconds.
WAIT = timedelta(hours=1)

# Index: receipt_open.
OPEN = text(f"""
    SELECT id FROM session_worker.receipt WHERE open ORDER BY id LIMIT {AT_ONCE}
       FOR UPDATE SKIP LOCKED""")
# Those that came before their try's id; the others change nothing. Index: the function's.
APPLY = text("SELECT count(*) FROM session_worker.apply_receipts(CAST(:receipts AS bigint[]))")


def follow_receipts(conn: Connection, settings: Settings, now: datetime) -> frozenset[int]:
    """Draw the consequences of new receipts. Returns the ids that take the next channel.

    A message that arrived is sent, wherever its row was; one that did not arrive is planned again,
    where there is another channel, before the start. Addresses that are gone are remembered.
    """
    receipts = conn.scalars(OPEN).all()
    if not receipts:
        return frozenset()
    conn.execute(APPLY, {"receipts": receipts})
    tries = read_tries(conn, receipts)
    arrived = [one.delivery_id for one in tries if one.last and one.receipt == "delivered"]
    mark_sent_late(conn, arrived, now)
    lost = [one.delivery_id for one in tries if one.last and one.receipt == "undelivered"]
    moved = try_next_channel(conn, lost, now) if has_others(settings) else frozenset[int]()
    note_addresses(conn, tries)
    for statement in (CLOSE, DROP):
        conn.execute(statement, {"receipts": receipts, "wait": WAIT})
    return moved


def has_others(settings: Settings) -> bool:
    """True where a message that one channel did not deliver may have another way."""
    return len(settings.channels) > 1 or settings.inbox is Inbox.ON


@dataclass(frozen=True, slots=True)
class Told:
    """A try that receipts are about. `last`: nothing was tried, and no admin decided, after it.

    `meanings`: those of its receipts; `bounced`: a mail system said so, not the provider.
    """

    id: int
    delivery_id: int
    receipt: str | None
    last: bool
    meanings: Sequence[str]
    bounced: bool


# Indexes: primary keys, those of tries_of, attempt_delivery.
TRIES = text("""
    SELECT a.id, a.delivery_id, a.receipt,
           a.begun_at >= coalesce(d.tries_since, '-infinity')
           AND a.id = (SELECT max(l.id) FROM session_worker.attempt l
                        WHERE l.delivery_id = a.delivery_id) AS last,
           array_agg(coalesce(r.meaning, '')) AS meanings,
           bool_or(r.status LIKE 'bounced%') AS bounced
      FROM session_worker.receipt r
     CROSS JOIN LATERAL session_worker.tries_of(r.channel, r.reference) AS t(id)
      JOIN session_worker.attempt a ON a.id = t.id
      JOIN session_worker.delivery d ON d.id = a.delivery_id
     WHERE r.id = ANY(CAST(:receipts AS bigint[]))
     GROUP BY a.id, d.id ORDER BY a.id""")


def read_tries(conn: Connection, receipts: Sequence[int]) -> list[Told]:
    rows = conn.execute(TRIES, {"receipts": [*receipts]})
    return [Told(*row) for row in rows]


# Index: primary key. What the person has seen, however, has arrived.
NEXT_CHANNEL = noted("""
    UPDATE session_worker.delivery d
       SET state = 'planned', reason = 'undelivered', send_after = :now, retry_at = NULL
     WHERE d.id = ANY(CAST(:ids AS bigint[])) AND d.receipt = 'undelivered'
       AND (d.state IN ('sent', 'unknown') OR d.state = 'held' AND d.reason = 'no_answer')
       AND d.acknowledged_at IS NULL
       AND NOT session_worker.begun(d.kind, d.lead_minutes, d.starts_at, d.change, :now)
    RETURNING d.id, d.state, d.reason""")


@logged
def try_next_channel(conn: Connection, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """sent, unknown, or held without an answer → planned: it did not arrive, by its receipt.

    Before the start only. A channel that did not deliver is not used again for the message
    (tasks.delivery.decision). Returns the ids that moved.
    """
    return frozenset(conn.scalars(NEXT_CHANNEL, {"ids": [*ids], "now": now}))


def note_addresses(conn: Connection, tries: Sequence[Told]) -> None:
    """Remember the addresses that are gone, opted out, or failed five times in a row."""
    for cause, meaning, bounced in (
        (Cause.OPTED_OUT, "opted_out", False),
        (Cause.GONE, "gone", False),
        (Cause.BOUNCED, "gone", True),
    ):
        gone = [one.id for one in tries if meaning in one.meanings and one.bounced is bounced]
        if gone:
            bury(conn, gone, cause)
    failed = [one.id for one in tries if one.receipt == "undelivered"]
    if failed:
        bury_tired(conn, failed)


# Index: primary key. One about a message that is being sent waits for the try's outcome.
CLOSE = text("""
    UPDATE session_worker.receipt r SET open = false
      FROM (SELECT r.id, bool_or(d.state = 'sending') AS waits
              FROM session_worker.receipt r
             CROSS JOIN LATERAL session_worker.tries_of(r.channel, r.reference) AS t(id)
              JOIN session_worker.attempt a ON a.id = t.id
              JOIN session_worker.delivery d ON d.id = a.delivery_id
             WHERE r.id = ANY(CAST(:receipts AS bigint[])) GROUP BY r.id) seen
     WHERE r.id = seen.id AND NOT seen.waits""")
# Index: receipt_open.
DROP = text("""
    DELETE FROM session_worker.receipt r
     WHERE r.open AND r.received_at < clock_timestamp() - CAST(:wait AS interval)
       AND NOT EXISTS (SELECT FROM session_worker.tries_of(r.channel, r.reference))""")


# Index: attempt_message. The keys of a message's mails, each with the hash of its address.
MAILED = text("""
    SELECT DISTINCT a.message_key::text, a.address FROM session_worker.attempt a
     WHERE a.message_key = ANY(CAST(:keys AS uuid[])) AND a.channel = :channel""")


def addresses_of(conn: Connection, keys: Sequence[str], channel: str) -> Mapping[str, int | None]:
    """Those of the keys that are messages' on the channel → hash of the address, if it is known."""
    rows = conn.execute(MAILED, {"keys": [*keys], "channel": channel})
    return {row.message_key: row.address for row in rows}


# Index: that of the unique constraint. The same bounce again is the same receipt.
NOTE = text("""
    INSERT INTO session_worker.receipt AS r (channel, reference, status, meaning)
    VALUES (:channel, :key, :status, :meaning)
    ON CONFLICT (channel, reference, status) DO NOTHING
    RETURNING r.id""")


def note_bounce(conn: Connection, channel: str, key: str, status: str, meaning: str) -> None:
    """Record that a message came back, as a provider's receipt is; the sweep does the rest."""
    noted = conn.scalars(
        NOTE, {"channel": channel, "key": key, "status": status, "meaning": meaning}
    ).all()
    conn.execute(APPLY, {"receipts": noted})
