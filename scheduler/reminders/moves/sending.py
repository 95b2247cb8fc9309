"""Moves of one message while it is sent; each checks state and holder in its WHERE.

    claimed → sending → sent | failed | unknown | held
    claimed → sent (in the log)
    claimed → expired | obsolete | unreachable | planned
    claimed → sent (it was, its receipt says that it did not arrive, and there is no other channel)

The ledger rows of one message move together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.prepared import Prepared
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.late_answers import mark_accepted_before
from scheduler.reminders.moves.move_log import logged


class CannotBegin(Exception):
    """The lease lapsed, or a session changed since it was read: read again before sending."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A ledger row as it was read: its session's version, and what the message tells of it."""

    id: int
    version: str | None
    told: str


@dataclass(frozen=True, slots=True)
class Try:
    """A message in `sending`: ids of its ledger rows → ids of their attempts."""

    holder: UUID
    attempts: Mapping[int, int]

    @property
    def ids(self) -> list[int]:
        return [*self.attempts]


# Indexes: primary keys. The time of a try is the database clock's, even in a round as of another
# instant. The lease is checked, so that a late worker moves nothing; and the version of the session
# row, so that the message was true when `sending` was committed.
BEGIN_SENDING = Prepared(
    "begin_sending",
    {
        "id": "bigint", "version": "text", "told": "jsonb", "holder": "uuid",
        "channel": "text", "outbox": "text", "key": "uuid", "at": "timestamptz",
        "lease": "interval", "source": "text", "address": "bigint",
    },
    """
    WITH begun AS (
        UPDATE session_worker.delivery d
           SET state = 'sending', channel = :channel, outbox = :outbox, reason = NULL,
               source = :source, message_key = :key, message_at = :at, told = :told,
               receipt = NULL,
               attempts = d.attempts + 1, sender_pid = pg_backend_pid(),
               renewed_at = clock_timestamp(), lease_until = clock_timestamp() + :lease
         WHERE d.id = :id AND d.state = 'claimed' AND d.holder = :holder
           AND d.lease_until > clock_timestamp()
           AND (SELECT s.id || ' ' || s.xmin::text FROM tutor_sessions s
                 WHERE s.id = d.session_id)
               IS NOT DISTINCT FROM :version
        RETURNING d.id
    )
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at, address)
    SELECT id, :key, :channel, clock_timestamp(), :address FROM begun
    RETURNING id""",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Envelope:
    """Way of a message to its recipient. `key`: id of its first try; `at`: its Date (promise 3).

    `outbox`: 'log' or 'redirect', None where it is live. `source`: origin of the address;
    `address`: its hash, None where it is not the person's own.
    """

    channel: str
    outbox: str | None
    key: UUID
    at: datetime
    source: str | None = None
    address: int | None = None


@logged
def begin_sending(
    conn: Connection,
    rows: Sequence[Claimed],
    holder: UUID,
    envelope: Envelope,
    lease: timedelta,
) -> Try:
    """claimed → sending; commit it before the provider is called (promise 3).

    Raises CannotBegin where one of the rows did not move: roll back, and do not send. The lease is
    prolonged by `lease` again and again while the provider is called (tasks.delivery.lease).
    """
    common = {
        "holder": str(holder),
        "channel": envelope.channel,
        "outbox": envelope.outbox,
        "key": str(envelope.key),
        "at": envelope.at,
        "lease": lease,
        "source": envelope.source,
        "address": envelope.address,
    }
    attempts = {}
    for row in rows:
        own = {"id": row.id, "version": row.version, "told": row.told}
        begun = BEGIN_SENDING.run(conn, {**common, **own})
        if not begun:
            raise CannotBegin
        attempts[row.id] = begun[0].id
    return Try(holder, attempts)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A message of one ledger row, ready to be sent."""

    row: Claimed
    holder: UUID
    envelope: Envelope


# As BEGIN_SENDING, for messages of several connections. Those that do not move stop no other.
BEGIN_ALL = Prepared(
    "begin_all",
    {
        "ids": "bigint[]", "versions": "text[]", "told": "text[]", "holders": "uuid[]",
        "channels": "text[]", "outboxes": "text[]", "keys": "uuid[]", "ats": "timestamptz[]",
        "sources": "text[]", "addresses": "bigint[]", "lease": "interval",
    },
    """
    WITH begun AS (
        UPDATE session_worker.delivery d
           SET state = 'sending', channel = c.channel, outbox = c.outbox, reason = NULL,
               source = c.source, message_key = c.key, message_at = c.at, told = c.told::jsonb,
               receipt = NULL,
               attempts = d.attempts + 1, sender_pid = pg_backend_pid(),
               renewed_at = clock_timestamp(), lease_until = clock_timestamp() + :lease
          FROM unnest(:ids, :versions, :told, :holders, :channels, :outboxes, :keys, :ats, :sources,
                      :addresses)
               AS c(id, version, told, holder, channel, outbox, key, at, source, address)
         WHERE d.id = c.id AND d.state = 'claimed' AND d.holder = c.holder
           AND d.lease_until > clock_timestamp()
           AND (SELECT s.id || ' ' || s.xmin::text FROM tutor_sessions s
                 WHERE s.id = d.session_id)
               IS NOT DISTINCT FROM c.version
        RETURNING d.id, d.message_key, d.channel, c.address
    )
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at, address)
    SELECT id, message_key, channel, clock_timestamp(), address FROM begun
    RETURNING id, delivery_id""",
)  # fmt: skip


@logged
def begin_all(
    conn: Connection, beginnings: Sequence[Beginning], lease: timedelta
) -> Mapping[int, Try]:
    """claimed → sending, as `begin_sending`, for several messages. Returns the tries of those that
    moved, by ledger row: the others lost their lease, or their session changed."""
    beginnings = sorted(beginnings, key=lambda each: each.row.id)
    parameters = {
        "ids": [each.row.id for each in beginnings],
        "versions": [each.row.version for each in beginnings],
        "told": [each.row.told for each in beginnings],
        "holders": [str(each.holder) for each in beginnings],
        "channels": [each.envelope.channel for each in beginnings],
        "outboxes": [each.envelope.outbox for each in beginnings],
        "keys": [str(each.envelope.key) for each in beginnings],
        "ats": [each.envelope.at for each in beginnings],
        "sources": [each.envelope.source for each in beginnings],
        "addresses": [each.envelope.address for each in beginnings],
        "lease": lease,
    }
    begun = BEGIN_ALL.run_generic(conn, parameters)
    attempts = {row.delivery_id: row.id for row in begun}
    return {
        each.row.id: Try(each.holder, {each.row.id: attempts[each.row.id]})
        for each in beginnings
        if each.row.id in attempts
    }


# Indexes: primary keys. Only the holder knows the result of the call. It may record it even after
# its lease has lapsed, as long as no sweep has marked the message as lost.
END_TRY = Prepared(
    "end_try",
    {
        "id": "bigint", "attempt": "bigint", "holder": "uuid", "state": "text",
        "reason": "text", "sent_at": "timestamptz", "retry_at": "timestamptz",
        "outcome": "text", "final": "boolean", "words": "text", "about": "text",
        "provider_id": "text",
    },
    """
    WITH tried AS (
        UPDATE session_worker.attempt
           SET ended_at = clock_timestamp(), outcome = :outcome, final = :final, words = :words,
               about = :about, provider_id = :provider_id
         WHERE id = :attempt
    )
    UPDATE session_worker.delivery
       SET state = :state, reason = :reason, sent_at = :sent_at, retry_at = :retry_at,
           holder = NULL, lease_until = NULL
     WHERE id = :id AND state = 'sending' AND holder = :holder
    RETURNING id""",
)  # fmt: skip


@logged
def mark_sent(
    conn: Connection, tried: Try, words: str, now: datetime, provider_id: str | None = None
) -> frozenset[int]:
    """sending → sent: the provider accepted it. `words`: its answer; `provider_id`: its id of the
    message, if it gave one. Returns the ids that moved."""
    return _end_try(
        conn, tried, state="sent", words=words, provider_id=provider_id, sent_at=now,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accepted:
    """A try of one ledger row that the provider accepted, as `mark_sent` takes it."""

    tried: Try
    words: str
    sent_at: datetime
    provider_id: str | None = None


# As END_TRY, for messages of several connections that were accepted.
END_ALL = Prepared(
    "end_all",
    {
        "ids": "bigint[]", "attempts": "bigint[]", "holders": "uuid[]", "sent_at": "timestamptz[]",
        "words": "text[]", "provider_ids": "text[]",
    },
    """
    WITH tried AS (
        UPDATE session_worker.attempt a
           SET ended_at = clock_timestamp(), outcome = 'sent', words = c.words,
               provider_id = c.provider_id
          FROM unnest(:attempts, :words, :provider_ids) AS c(id, words, provider_id)
         WHERE a.id = c.id
    )
    UPDATE session_worker.delivery d
       SET state = 'sent', reason = NULL, sent_at = c.sent_at, retry_at = NULL, holder = NULL,
           lease_until = NULL
      FROM unnest(:ids, :holders, :sent_at) AS c(id, holder, sent_at)
     WHERE d.id = c.id AND d.state = 'sending' AND d.holder = c.holder
    RETURNING d.id""",
)  # fmt: skip


@logged
def mark_all_sent(conn: Connection, accepted: Sequence[Accepted]) -> frozenset[int]:
    """sending → sent, as `mark_sent`, for several messages. Returns the ids that moved."""
    if not accepted:
        return frozenset()
    rows = sorted(
        (id_, attempt, each) for each in accepted for id_, attempt in each.tried.attempts.items()
    )
    parameters = {
        "ids": [id_ for id_, _, _ in rows],
        "attempts": [attempt for _, attempt, _ in rows],
        "holders": [str(each.tried.holder) for _, _, each in rows],
        "sent_at": [each.sent_at for _, _, each in rows],
        "words": [each.words for _, _, each in rows],
        "provider_ids": [each.provider_id for _, _, each in rows],
    }
    return frozenset(row.id for row in END_ALL.run_generic(conn, parameters))


@dataclass(frozen=True, slots=True)
class Failure:
    """Reason of a failed try. `about`: whose fault it was, as in the column `attempt.about`."""

    words: str
    about: str


@logged
def mark_failed(
    conn: Connection, tried: Try, failure: Failure, retry_at: datetime | None
) -> frozenset[int]:
    """sending → failed, to be tried again at `retry_at`, or never if that is None."""
    return _end_try(
        conn, tried, state="failed", reason=failure.words, words=failure.words,
        about=failure.about, retry_at=retry_at,
    )  # fmt: skip


@logged
def mark_refused(
    conn: Connection, tried: Try, failure: Failure, retry_at: datetime | None
) -> frozenset[int]:
    """sending → failed, as `mark_failed`, but not to be tried on this channel again."""
    return _end_try(
        conn, tried, state="failed", reason=failure.words, words=failure.words,
        about=failure.about, retry_at=retry_at, final=True,
    )  # fmt: skip


@logged
def mark_unknown(conn: Connection, tried: Try, words: str, retry_at: datetime) -> frozenset[int]:
    """sending → unknown: handed over and never answered; to be repeated at `retry_at`."""
    return _end_try(
        conn, tried, state="unknown", reason="no_answer", words=words, retry_at=retry_at,
    )  # fmt: skip


@logged
def mark_held(conn: Connection, tried: Try, words: str) -> frozenset[int]:
    """sending → held: handed over and never answered, and a repeat could do harm."""
    return _end_try(conn, tried, state="held", reason="no_answer", words=words)


OUTCOMES = {"sent": "sent", "failed": "failed", "unknown": "unknown", "held": "unknown"}


def _end_try(conn: Connection, tried: Try, *, state: str, **values: Any) -> frozenset[int]:
    parameters = {
        "reason": None,
        "sent_at": None,
        "retry_at": None,
        "final": False,
        "provider_id": None,
        "about": None,
        **values,
        "state": state,
        "outcome": OUTCOMES[state],
        "holder": str(tried.holder),
    }
    moved = set()
    for id_, attempt in tried.attempts.items():
        rows = END_TRY.run(conn, {**parameters, "id": id_, "attempt": attempt})
        moved |= {row.id for row in rows}
    if state != "sent":
        mark_accepted_before(conn, tried.ids)
    return frozenset(moved)


# Index: primary key.
LEAVE = noted("""
    UPDATE session_worker.delivery
       SET state = :state, reason = :reason, holder = NULL, lease_until = NULL,
           send_after = coalesce(CAST(:send_after AS timestamptz), send_after)
     WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'claimed' AND holder = :holder
       AND lease_until > clock_timestamp()
    RETURNING id, state, reason""")


@logged
def let_expire(conn: Connection, ids: Sequence[int], holder: UUID) -> frozenset[int]:
    """claimed → expired: the session has begun."""
    return _leave(conn, ids, holder, "expired", "begun")


@logged
def withdraw_claimed(
    conn: Connection, ids: Sequence[int], holder: UUID, reason: str
) -> frozenset[int]:
    """claimed → obsolete: no longer true; `reason` says why."""
    return _leave(conn, ids, holder, "obsolete", reason)


@logged
def give_up(conn: Connection, ids: Sequence[int], holder: UUID, reason: str) -> frozenset[int]:
    """claimed → unreachable: the person has no usable channel; `reason` says why."""
    return _leave(conn, ids, holder, "unreachable", reason)


@logged
def fail_claimed(conn: Connection, ids: Sequence[int], holder: UUID, reason: str) -> frozenset[int]:
    """claimed → failed, for good: every channel of the person has refused it."""
    return _leave(conn, ids, holder, "failed", reason)


# Index: primary key. `sent_at` is that of the try that did not arrive.
STAY_UNDELIVERED = noted("""
    UPDATE session_worker.delivery d
       SET state = 'sent', reason = 'no_other_channel', holder = NULL, lease_until = NULL,
           sent_at = coalesce(d.sent_at, (SELECT max(t.begun_at) FROM session_worker.attempt t
                                           WHERE t.delivery_id = d.id))
     WHERE d.id = ANY(CAST(:ids AS bigint[])) AND d.state = 'claimed' AND d.holder = :holder
       AND d.lease_until > clock_timestamp()
    RETURNING d.id, d.state, d.reason""")


@logged
def stay_undelivered(conn: Connection, ids: Sequence[int], holder: UUID) -> frozenset[int]:
    """claimed → sent: by its receipt it did not arrive; no other channel reaches the person."""
    return frozenset(conn.scalars(STAY_UNDELIVERED, {"ids": [*ids], "holder": holder}))


@logged
def postpone(
    conn: Connection, ids: Sequence[int], holder: UUID, until: datetime, reason: str
) -> frozenset[int]:
    """claimed → planned: not before `until` (quiet hours, a pause, a channel's limit)."""
    return _leave(conn, ids, holder, "planned", reason, until)


def _leave(
    conn: Connection,
    ids: Sequence[int],
    holder: UUID,
    state: str,
    reason: str,
    send_after: datetime | None = None,
) -> frozenset[int]:
    parameters = {"ids": list(ids), "holder": holder, "state": state, "reason": reason}
    return frozenset(conn.scalars(LEAVE, {**parameters, "send_after": send_after}))


@dataclass(frozen=True, slots=True)
class Logged:
    """A ledger row that is written to the log instead of being sent, as part of message `key`."""

    id: int
    version: str | None
    told: str
    key: UUID
    source: str | None = None


# Indexes: primary keys. As BEGIN_SENDING, for many messages at once, as no provider is called.
MARK_LOGGED = text("""
    WITH logged AS (
        UPDATE session_worker.delivery d
           SET state = 'sent', sent_at = :now, channel = 'log', outbox = 'log', reason = NULL,
               message_key = coalesce(d.message_key, c.key),
               message_at = coalesce(d.message_at, :now), told = c.told,
               source = c.source,
               attempts = d.attempts + 1, holder = NULL, lease_until = NULL
          FROM unnest(CAST(:ids AS bigint[]), CAST(:versions AS text[]), CAST(:told AS jsonb[]),
                      CAST(:keys AS uuid[]), CAST(:sources AS text[]))
               AS c(id, version, told, key, source)
         WHERE d.id = c.id AND d.state = 'claimed' AND d.holder = :holder
           AND d.lease_until > clock_timestamp()
           AND (SELECT s.id || ' ' || s.xmin::text FROM tutor_sessions s
                 WHERE s.id = d.session_id)
               IS NOT DISTINCT FROM c.version
        RETURNING d.id, d.message_key
    )
    INSERT INTO session_worker.attempt
           (delivery_id, message_key, channel, begun_at, ended_at, outcome, words)
    SELECT id, message_key, 'log', clock_timestamp(), clock_timestamp(), 'sent',
           'written to the log'
      FROM logged
    RETURNING delivery_id""")


@logged
def mark_logged(
    conn: Connection, rows: Sequence[Logged], holder: UUID, now: datetime
) -> frozenset[int]:
    """claimed → sent, on channel `log`. Returns the ids that moved; the others lost their lease, or
    their session has changed."""
    parameters = {
        "ids": [row.id for row in rows],
        "versions": [row.version for row in rows],
        "told": [row.told for row in rows],
        "keys": [str(row.key) for row in rows],
        "sources": [row.source for row in rows],
        "holder": holder,
        "now": now,
    }
    return frozenset(conn.scalars(MARK_LOGGED, parameters)) if rows else frozenset()
