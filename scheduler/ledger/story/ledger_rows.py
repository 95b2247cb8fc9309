"""Ledger rows of one session, with their tries and other moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger.

    `revision`: 0, or 1 and more for repeats. `together`: other sessions of the same message.
    `quiet_until`: end of the quiet hours in which it was due. `placed_at`, `read_at`: of its copy
    in the site's inbox.
    """

    id: int
    recipient: str
    person_id: int | None
    role: str
    kind: str
    lead_minutes: int
    revision: int
    starts_at: datetime
    state: str
    reason: str | None
    change: Mapping[str, Any] | None
    due_at: datetime
    send_after: datetime
    retry_at: datetime | None
    lease_until: datetime | None
    channel: str | None
    batch: int | None
    cause: str | None
    held_detail: str | None
    acknowledged_at: datetime | None
    planned_at: datetime
    quiet_until: datetime | None
    together: Sequence[int] | None
    source: str | None
    receipt: str | None
    placed_at: datetime | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt. Without an outcome it is under way, or its worker is gone."""

    delivery_id: int
    channel: str
    begun_at: datetime
    ended_at: datetime | None
    outcome: str | None
    final: bool
    words: str | None
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A receipt about a row. `meaning` is None for a word that is not known."""

    delivery_id: int
    channel: str
    status: str
    meaning: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A recorded move of a row that is no try."""

    delivery_id: int
    state: str
    reason: str | None
    moved_at: datetime


# Indexes: delivery_session; inbox_message_key_key; delivery_start for rows of the same message,
# delivery_notice for a notice about many starts.
ROWS = text("""
    SELECT d.id, d.recipient, d.person_id, d.role, d.kind, d.lead_minutes, d.revision, d.starts_at,
           d.state, d.reason, d.change, d.due_at, d.send_after, d.retry_at, d.lease_until,
           d.channel, d.batch, b.cause, b.detail, d.acknowledged_at, d.planned_at,
           session_worker.silent_until(d.person_id, d.kind, d.due_at, :zone) AS quiet_until,
           CASE d.kind WHEN 'notice' THEN
               (SELECT array_agg(DISTINCT m.session_id) FROM session_worker.delivery m
                 WHERE m.message_key = d.message_key AND m.kind = 'notice'
                   AND m.session_id <> d.session_id)
           ELSE
               (SELECT array_agg(DISTINCT m.session_id) FROM session_worker.delivery m
                 WHERE m.starts_at = d.starts_at AND m.recipient = d.recipient AND m.kind = d.kind
                   AND m.message_key = d.message_key AND m.session_id <> d.session_id)
           END AS together, d.source, d.receipt, i.placed_at, i.read_at
      FROM session_worker.delivery d
      LEFT JOIN session_worker.held_batch b ON b.id = d.batch
      LEFT JOIN session_worker.inbox i ON i.message_key = d.message_key
     WHERE d.session_id = :session_id
     ORDER BY d.starts_at, d.due_at, d.id""")


def read_rows(conn: Connection, session_id: int, zone: str) -> Sequence[Row]:
    """Rows about the session, in order. `zone`: the site's. Quiet hours are taken from the present
    preferences, as the ledger has only their end."""
    return [Row(*row) for row in conn.execute(ROWS, {"session_id": session_id, "zone": zone})]


# A person's ledger key, the message's kind and its lead in minutes.
MessageKey = tuple[str, str, int]

# Indexes: primary key of tutor_sessions, delivery_start.
TOLD_AS = text("""
    SELECT d.recipient, d.kind, d.lead_minutes, d.session_id
      FROM session_worker.delivery d JOIN tutor_sessions s ON s.id = :session_id
     WHERE d.starts_at = :starts_at AND d.session_id <> s.id
       AND d.tutor_id = s.tutor_id AND d.student_id = s.student_id""")


def read_told_as(
    conn: Connection, session_id: int, starts_at: datetime
) -> Mapping[MessageKey, int]:
    """Messages about this start in the ledger that are for another session → that session's id."""
    rows = conn.execute(TOLD_AS, {"session_id": session_id, "starts_at": starts_at})
    return {(row.recipient, row.kind, row.lead_minutes): row.session_id for row in rows}


# Index: attempt_delivery.
TRIES = text("""
    SELECT delivery_id, channel, begun_at, ended_at, outcome, final, words, receipt
      FROM session_worker.attempt WHERE delivery_id = ANY(CAST(:ids AS bigint[]))
     ORDER BY delivery_id, id""")


def read_tries(conn: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[Try]]:
    """Ledger row → its tries, in order."""
    tries = [Try(*row) for row in conn.execute(TRIES, {"ids": [*ids]})]
    return {id_: [*each] for id_, each in groupby(tries, key=lambda one: one.delivery_id)}


# Index: move_delivery.
MOVES = text("""
    SELECT delivery_id, state, reason, moved_at
      FROM session_worker.move WHERE delivery_id = ANY(CAST(:ids AS bigint[]))
     ORDER BY delivery_id, id""")


def read_moves(conn: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[Moved]]:
    """Ledger row → its recorded moves that are no tries, in order."""
    moves = [Moved(*row) for row in conn.execute(MOVES, {"ids": [*ids]})]
    return {id_: [*each] for id_, each in groupby(moves, key=lambda one: one.delivery_id)}


# Indexes: attempt_delivery, that of receipt's unique constraint.
RECEIPTS = text("""
    SELECT DISTINCT ON (a.delivery_id, r.id)
           a.delivery_id, r.channel, r.status, r.meaning, r.received_at
      FROM session_worker.attempt a
      JOIN session_worker.receipt r
        ON r.channel = a.channel AND r.reference IN (a.provider_id, a.message_key::text)
     WHERE a.delivery_id = ANY(CAST(:ids AS bigint[]))
     ORDER BY a.delivery_id, r.id""")


def read_receipts(conn: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[Said]]:
    """Ledger row → the receipts about it, in order."""
    said = [Said(*row) for row in conn.execute(RECEIPTS, {"ids": [*ids]})]
    return {id_: [*each] for id_, each in groupby(said, key=lambda one: one.delivery_id)}
