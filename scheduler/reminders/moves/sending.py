"""The moves of one message that is being sent; each checks state and holder in its WHERE.

    claimed → sending → sent | failed | unknown | held
    claimed → sent (in the log)
    claimed → expired | obsolete | unreachable | planned

A group of ledger rows that is one message moves as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.prepared import Prepared
from scheduler.reminders.moves.history import noted


class CannotBegin(Exception):
    """The lease ran out, or a session changed since it was read: look again before sending."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A ledger row as it was read: its session's version, and what the message will name of it."""

    id: int
    version: str | None
    told: str


@dataclass(frozen=True, slots=True)
class Try:
    """A message in `sending`: ledger row → its attempt."""

    holder: UUID
    attempts: Mapping[int, int]

    @property
    def ids(self) -> list[int]:
        return [*self.attempts]


# Indexes: primary keys. A try is real and timed by the database, also where a round runs as if it
# were another instant. The lease is checked, so a late worker moves nothing; and the session
# row's version, so that what is sent was true when it was committed as being sent.
BEGIN_SENDING = Prepared(
    "begin_sending",
    {
        "id": "bigint", "version": "text", "told": "jsonb", "holder": "uuid",
        "channel": "text", "outbox": "text", "key": "uuid", "at": "timestamptz",
        "lease": "interval", "source": "text",
    },
    """
    WITH begun AS (
        UPDATE session_worker.delivery d
           SET state = 'sending', channel = :channel, outbox = :outbox, reason = NULL,
               source = :source, message_key = :key, message_at = :at, told = :told,
               attempts = d.attempts + 1,
               lease_until = clock_timestamp() + :lease
         WHERE d.id = :id AND d.state = 'claimed' AND d.holder = :holder
           AND d.lease_until > clock_timestamp()
           AND (SELECT s.xmin::text FROM tutor_sessions s WHERE s.id = d.session_id)
               IS NOT DISTINCT FROM :version
        RETURNING d.id
    )
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at)
    SELECT id, :key, :channel, clock_timestamp() FROM begun
    RETURNING id""",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a message goes out. `key` is that of its first try, `at` its Date (promise 3).

    `outbox`: 'log' or 'redirect' where it is not live. `source`: where the address came from.
    """

    channel: str
    outbox: str | None
    key: UUID
    at: datetime
    source: str | None = None


def begin_sending(
    conn: Connection,
    rows: Sequence[Claimed],
    holder: UUID,
    envelope: Envelope,
    lease: timedelta,
) -> Try:
    """claimed → sending; commit it before the provider is called (promise 3).

    Raises CannotBegin where any of the rows did not move: roll back, and do not send. `lease` is
    prolonged while the provider is called (tasks.delivery.lease).
    """
    common = {
        "holder": str(holder),
        "channel": envelope.channel,
        "outbox": envelope.outbox,
        "key": str(envelope.key),
        "at": envelope.at,
        "lease": lease,
        "source": envelope.source,
    }
    attempts = {}
    for row in rows:
        own = {"id": row.id, "version": row.version, "told": row.told}
        begun = BEGIN_SENDING.run(conn, {**common, **own})
        if not begun:
            raise CannotBegin
        attempts[row.id] = begun[0].id
    return Try(holder, attempts)


# Indexes: primary keys. The holder alone knows what became of the call; it may say so as long as
# nobody else has drawn a conclusion from its silence, whether its lease lives or not.
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


def mark_sent(
    conn: Connection, tried: Try, words: str, now: datetime, provider_id: str | None = None
) -> frozenset[int]:
    """sending → sent: the provider accepted it, under its own id where it gave one."""
    return _end_try(
        conn, tried, state="sent", words=words, provider_id=provider_id, sent_at=now,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try failed. `about`: whose trouble it was, in the words of the column."""

    words: str
    about: str


def mark_failed(
    conn: Connection, tried: Try, failure: Failure, retry_at: datetime | None
) -> frozenset[int]:
    """sending → failed, to be tried again at `retry_at`; None: on no channel any more."""
    return _end_try(
        conn, tried, state="failed", reason=failure.words, words=failure.words,
        about=failure.about, retry_at=retry_at,
    )  # fmt: skip


def mark_refused(
    conn: Connection, tried: Try, failure: Failure, retry_at: datetime | None
) -> frozenset[int]:
    """sending → failed, as `mark_failed`; but never again on this channel."""
    return _end_try(
        conn, tried, state="failed", reason=failure.words, words=failure.words,
        about=failure.about, retry_at=retry_at, final=True,
    )  # fmt: skip


def mark_unknown(conn: Connection, tried: Try, words: str, retry_at: datetime) -> frozenset[int]:
    """sending → unknown: handed over and never answered; to be repeated at `retry_at`."""
    return _end_try(
        conn, tried, state="unknown", reason="no_answer", words=words, retry_at=retry_at,
    )  # fmt: skip


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
    return frozenset(moved)


# Index: primary key.
LEAVE = noted("""
    UPDATE session_worker.delivery
       SET state = :state, reason = :reason, holder = NULL, lease_until = NULL,
           send_after = coalesce(CAST(:send_after AS timestamptz), send_after)
     WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'claimed' AND holder = :holder
       AND lease_until > clock_timestamp()
    RETURNING id, state, reason""")


def let_expire(conn: Connection, ids: Sequence[int], holder: UUID) -> frozenset[int]:
    """claimed → expired: the session has begun."""
    return _leave(conn, ids, holder, "expired", "begun")


def withdraw_claimed(
    conn: Connection, ids: Sequence[int], holder: UUID, reason: str
) -> frozenset[int]:
    """claimed → obsolete: no longer true."""
    return _leave(conn, ids, holder, "obsolete", reason)


def give_up(conn: Connection, ids: Sequence[int], holder: UUID, reason: str) -> frozenset[int]:
    """claimed → unreachable: there is no way to this person."""
    return _leave(conn, ids, holder, "unreachable", reason)


def fail_claimed(conn: Connection, ids: Sequence[int], holder: UUID, reason: str) -> frozenset[int]:
    """claimed → failed, for good: every channel has refused it."""
    return _leave(conn, ids, holder, "failed", reason)


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
    """A ledger row that is written to the log in place of being sent, as part of message `key`."""

    id: int
    version: str | None
    told: str
    key: UUID
    source: str | None = None


# Indexes: primary keys. As BEGIN_SENDING, for many messages: there is no provider to wait for.
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
           AND (SELECT s.xmin::text FROM tutor_sessions s WHERE s.id = d.session_id)
               IS NOT DISTINCT FROM c.version
        RETURNING d.id, d.message_key
    )
    INSERT INTO session_worker.attempt
           (delivery_id, message_key, channel, begun_at, ended_at, outcome, words)
    SELECT id, message_key, 'log', clock_timestamp(), clock_timestamp(), 'sent',
           'written to the log'
      FROM logged
    RETURNING delivery_id""")


def mark_logged(
    conn: Connection, rows: Sequence[Logged], holder: UUID, now: datetime
) -> frozenset[int]:
    """claimed → sent, on channel `log`. Others lost their lease, or their session has changed."""
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


# Index: primary key. Nobody has repeated it yet: what is in another's hands is not in these states.
MARK_SENT_LATE = text("""
    UPDATE session_worker.delivery
       SET state = 'sent', reason = NULL, sent_at = :now, retry_at = NULL
     WHERE id = ANY(CAST(:ids AS bigint[])) AND holder IS NULL
       AND (state IN ('unknown', 'planned') OR state = 'held' AND reason = 'no_answer')
    RETURNING id""")


def mark_sent_late(conn: Connection, tried: Try, now: datetime) -> frozenset[int]:
    """unknown, held or planned → sent: the provider's yes came after the lease had run out."""
    return frozenset(conn.scalars(MARK_SENT_LATE, {"ids": tried.ids, "now": now}))
