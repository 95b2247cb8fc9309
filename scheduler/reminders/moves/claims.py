"""Claims of due deliveries, in batches, under a lease on the database's clock.

Rows for one person, due at one moment, about sessions with the same start are one message, and so
are all notices for one person (docs/decisions/0028). A message is claimed as a whole: the worker
that locks its first row, the one with the soonest start, takes the others.

Three plain statements are used instead of one with a self-join, as PostgreSQL's statistics cannot
know how many rows are planned at this moment and assume none (docs/decisions/0021).
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, text

from scheduler.message import one_message
from scheduler.reminders.moves.move_log import logged
from scheduler.turns import commit_without_flush


@dataclass(frozen=True, slots=True)
class Batch:
    """Ids of ledger rows that one worker holds. `holder` identifies the lease."""

    holder: UUID
    ids: tuple[int, ...]


# Length of a claim that is not renewed. A claimed message was not sent, so when its worker dies
# another may take it after this time. Messages in `sending` have LEASE_SECONDS.
CLAIM = timedelta(seconds=7)


class Waiting(Enum):
    """The messages that a claim may take, other than those of one channel's queue."""

    UNSORTED = "messages in no channel's queue"
    ALL = "messages in channels' queues too"


# Where the soonest start is within a minute the batches are small: all processes share them, and
# one that dies or is kept waiting has few in its hands.
SOON = timedelta(minutes=1)
SOON_BATCH = 20

# Rows read for each message wanted: more where other workers have locked the first ones, and a
# minimum, as a message may have many rows.
REACHES = (1, 4, 16, 1_000_000)
BESIDES = 100


@logged
def claim(
    conn: Connection,
    now: datetime,
    batches: int,
    size: int,
    lease: timedelta,
    waiting: Waiting | str = Waiting.UNSORTED,
    soon_size: int = SOON_BATCH,
) -> list[Batch]:
    """planned → claimed: at most `batches` of `size` messages each; soonest start first.

    `waiting`: the messages to take; a channel's name means those in its queue. `soon_size`: as
    `size`, where the soonest start is within a minute. Commit before the batches are handed to
    workers. The claim holds for the shorter of `lease` and CLAIM.
    """
    commit_without_flush(conn)  # a claim lost in a crash does no harm: the rows are planned again
    for reach in REACHES:
        seen = find_due(conn, now, batches * size * reach + BESIDES, waiting)
        size = min(size, soon_size) if seen.soonest <= now + SOON else size
        messages = lock(conn, seen.messages, batches * size)
        if messages or not seen.cut:
            break
    parts = parts_of(messages, size, seen.doubtful)[:batches]
    return take(conn, parts, min(lease, CLAIM))


NEVER = datetime.max.replace(tzinfo=UTC)
Message = Sequence[int]  # the ids of its rows, soonest start first


@dataclass(frozen=True, slots=True)
class DueMessages:
    """Due messages, soonest start first: at `soonest`, or never. `cut`: there are more than were
    read. `doubtful`: rows whose process died."""

    messages: Sequence[Message]
    soonest: datetime
    cut: bool
    doubtful: frozenset[int] = frozenset()


def parts_of(
    messages: Sequence[Message], size: int, doubtful: frozenset[int]
) -> list[Sequence[Message]]:
    """The messages in parts of `size`; what may have killed its process is a part by itself."""
    together = [each for each in messages if doubtful.isdisjoint(each)]
    parts: list[Sequence[Message]] = [together[n : n + size] for n in range(0, len(together), size)]
    if len(together) == len(messages):
        return parts
    place = {message[0]: n for n, message in enumerate(messages)}
    parts += [[each] for each in messages if not doubtful.isdisjoint(each)]
    return sorted(parts, key=lambda part: place[part[0][0]])


# Index: delivery_ready, in its order; delivery_queued for one channel's queue.
DUE = """
    SELECT id, starts_at, kind, recipient, message_key, deaths FROM session_worker.delivery
     WHERE state = 'planned' AND send_after <= :now {waiting}
     ORDER BY starts_at, urgency, kind, recipient, id
     LIMIT :limit"""
DUE_UNSORTED = text(DUE.format(waiting="AND queue IS NULL"))
DUE_ALL = text(DUE.format(waiting=""))
DUE_QUEUED = text(DUE.format(waiting="AND queue = :queue"))

# Index: delivery_told. A person's notices may be about starts far apart.
DUE_NOTICES = text("""
    SELECT id, starts_at, kind, recipient, message_key, deaths FROM session_worker.delivery
     WHERE state = 'planned' AND kind = 'notice' AND send_after <= :now
       AND recipient = ANY(CAST(:recipients AS text[]))
     ORDER BY starts_at, id""")


def find_due(
    conn: Connection, now: datetime, limit: int, waiting: Waiting | str = Waiting.UNSORTED
) -> DueMessages:
    """Find due messages without locking. A person's notices are one message, in any queue."""
    rows = due_rows(conn, now, limit, waiting)
    cut = len(rows) > limit
    messages = by_message(whole(rows) if cut else rows)
    recipients = {row.recipient for row in rows if row.kind == "notice"}
    if recipients:
        told = {"now": now, "recipients": [*recipients]}
        notices = conn.execute(DUE_NOTICES, told).all()
        messages |= by_message(notices)
        rows = [*rows, *notices]
    soonest = rows[0].starts_at if rows else NEVER
    doubtful = frozenset(row.id for row in rows if row.deaths)
    return DueMessages([*messages.values()], soonest, cut, doubtful)


def due_rows(
    conn: Connection, now: datetime, limit: int, waiting: Waiting | str
) -> Sequence[Row[Any]]:
    parameters = {"now": now, "limit": limit + 1}
    match waiting:
        case Waiting.UNSORTED:
            return conn.execute(DUE_UNSORTED, parameters).all()
        case Waiting.ALL:
            return conn.execute(DUE_ALL, parameters).all()
        case str():
            return conn.execute(DUE_QUEUED, {**parameters, "queue": waiting}).all()


def whole(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """The rows without those of the last message, which the limit may have cut.

    The rows of a message are neighbours, except for notices, which have a query of their own.
    """
    if rows[-1].kind == "notice":
        return rows
    last = message_of(rows[-1])
    return [row for row in rows if message_of(row) != last]


def by_message(rows: Iterable[Row[Any]]) -> dict[Hashable, list[int]]:
    messages: dict[Hashable, list[int]] = {}
    for row in rows:
        messages.setdefault(message_of(row), []).append(row.id)
    return messages


def message_of(row: Row[Any]) -> Hashable:
    return one_message(row.kind, row.starts_at, row.recipient, row.message_key)


# Index: primary key. SKIP LOCKED lets concurrent claims pass each other.
LOCK = text("""
    SELECT id FROM session_worker.delivery
     WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'planned'
       FOR UPDATE SKIP LOCKED""")


def lock(conn: Connection, messages: Sequence[Message], wanted: int) -> list[Message]:
    """Lock up to `wanted` messages whose first row is free. Returns their rows that were free."""
    mine: list[Message] = []
    for n in range(0, len(messages), wanted):
        part = messages[n : n + wanted - len(mine)]
        firsts = locked(conn, [message[0] for message in part])
        mine += [message for message in part if message[0] in firsts]
        if len(mine) == wanted:
            break
    others = locked(conn, [id_ for message in mine for id_ in message[1:]])
    return [[message[0], *(id_ for id_ in message[1:] if id_ in others)] for message in mine]


def locked(conn: Connection, ids: Sequence[int]) -> frozenset[int]:
    return frozenset(conn.scalars(LOCK, {"ids": [*ids]})) if ids else frozenset()


# Index: primary key. The rows are locked.
TAKE = text("""
    UPDATE session_worker.delivery d
       SET state = 'claimed', holder = t.holder, queue = NULL,
           lease_until = clock_timestamp() + :lease
      FROM unnest(CAST(:ids AS bigint[]), CAST(:holders AS uuid[])) AS t(id, holder)
     WHERE d.id = t.id""")


def take(conn: Connection, parts: Sequence[Sequence[Message]], lease: timedelta) -> list[Batch]:
    batches = [
        Batch(uuid4(), tuple(sorted(id_ for message in part for id_ in message))) for part in parts
    ]
    held = [(id_, str(batch.holder)) for batch in batches for id_ in batch.ids]
    if held:
        ids, holders = zip(*held, strict=True)
        conn.execute(TAKE, {"ids": [*ids], "holders": [*holders], "lease": lease})
    return batches


# Index: delivery_leased. A lapsed lease is not renewed, as it may have passed to another worker. A
# locked row is passed over: its sender is moving it into `sending` or out of it, with a lease of
# its own, and moves two rows in one transaction; to wait for it with others locked would deadlock.
RENEW = text("""
    UPDATE session_worker.delivery
       SET renewed_at = clock_timestamp(),
           lease_until = clock_timestamp() + CASE state WHEN 'claimed' THEN least(:claim, :lease)
                                                        ELSE :lease END
     WHERE state IN ('claimed', 'sending') AND holder = :holder
       AND id = ANY(ARRAY(
           SELECT id FROM session_worker.delivery
            WHERE state IN ('claimed', 'sending') AND holder = :holder
              AND lease_until > clock_timestamp()
              FOR UPDATE SKIP LOCKED))""")

# Index: delivery_leased.
STILL_HELD = text("""
    SELECT id FROM session_worker.delivery
     WHERE state IN ('claimed', 'sending') AND holder = :holder
       AND lease_until > clock_timestamp()""")


def renew(conn: Connection, holder: UUID, lease: timedelta) -> frozenset[int]:
    """Prolong a lease that has not lapsed. Returns the ids that are still held."""
    conn.execute(RENEW, {"holder": holder, "lease": lease, "claim": CLAIM})
    return frozenset(conn.scalars(STILL_HELD, {"holder": holder}))


# Index: delivery_leased.
TIME_LEFT = text("""
    SELECT min(lease_until) - clock_timestamp() FROM session_worker.delivery
     WHERE state = 'claimed' AND holder = :holder AND lease_until > clock_timestamp()""")


def take_up(conn: Connection, holder: UUID, lease: timedelta) -> bool:
    """False where nothing of a batch is held any more, as it lay in the broker's queue too long.

    A claim of which half has passed there is renewed at once: one that lapsed between its begin and
    its first renewal would look like that of a process that died over it.
    """
    left = conn.scalar(TIME_LEFT, {"holder": holder})
    if left is not None and left < min(lease, CLAIM) / 2:
        return bool(renew(conn, holder, lease))
    return left is not None


# Index: primary key.
RELEASE = text("""
    UPDATE session_worker.delivery SET state = 'planned', holder = NULL, lease_until = NULL
     WHERE id = ANY(:ids) AND state = 'claimed' AND holder = :holder
    RETURNING id""")


@logged
def release(conn: Connection, batch: Batch) -> frozenset[int]:
    """claimed → planned: the rows of the batch that were not begun. Returns their ids."""
    return frozenset(conn.scalars(RELEASE, {"ids": [*batch.ids], "holder": batch.holder}))


# Index: delivery_leased; begun_batch's primary key. At the first death it may have been any message
# of the batch; one that was alone waits longer each time.
LAPSE = text("""
    UPDATE session_worker.delivery d
       SET state = 'planned', holder = NULL, lease_until = NULL,
           deaths = least(deaths + CAST(b.begun AS integer), 100),
           send_after = CASE WHEN b.begun AND deaths > 0
                             THEN clock_timestamp() + least(:first * 4 ^ (deaths - 1), :longest)
                             ELSE send_after END
      FROM (SELECT id, EXISTS (SELECT FROM session_worker.begun_batch x
                                WHERE x.holder = c.holder) AS begun
              FROM session_worker.delivery c
             WHERE state = 'claimed' AND lease_until <= clock_timestamp()
               FOR UPDATE OF c) b
     WHERE d.id = b.id
    RETURNING d.id""")
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=5)


@logged
def lapse(conn: Connection) -> frozenset[int]:
    """claimed → planned: the lease lapsed before anything was sent. Returns the ids that moved."""
    return frozenset(conn.scalars(LAPSE, {"first": FIRST_WAIT, "longest": LONGEST_WAIT}))


ALONE = 2
# Indexes: delivery_leased; begun_batch's primary key.
COUNT_WAITING = text("""
    SELECT count(*) FILTER (WHERE deaths = 0) AS together,
           count(*) FILTER (WHERE deaths > 0) AS alone
      FROM session_worker.delivery d
     WHERE state = 'claimed'
       AND NOT EXISTS (SELECT FROM session_worker.begun_batch b WHERE b.holder = d.holder)""")


def batches_waiting(conn: Connection, size: int) -> int:
    """How many batches of `size` messages the claimed rows make that no process has begun: they lie
    in the broker's queue. One that goes by itself counts as several: so few lie there that their
    claims do not lapse, though the one before them ends a process."""
    waiting = conn.execute(COUNT_WAITING).one()
    return int(-(-waiting.together // size) + ALONE * waiting.alone)


# Index: delivery_ready.
COUNT_DUE = text("""
    SELECT count(*) FROM session_worker.delivery WHERE state = 'planned' AND send_after <= :now""")


def count_due(conn: Connection, now: datetime) -> int:
    """How many ledger rows wait to be claimed."""
    return int(conn.scalars(COUNT_DUE, {"now": now}).one())
