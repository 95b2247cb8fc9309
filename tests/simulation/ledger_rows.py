"""Rows of the ledger on a real database, changed by the worker's own moves.

The walk runs a move on many rows at once; each is a separate message, to a different person, about
the same session. The effects of moves are not repeated here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try, as the ledger has it. `counts`: it was after an admin's last `retry`."""

    outcome: str | None
    final: bool
    about: str | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery. `holder`: 'A', 'B', or 'gone', whom nobody can speak for any more. `lease`: lives
    or is over. `retry` and `wait`: 'later' or 'due'. `batch`: the cause of the batch."""

    state: str = "planned"
    reason: str | None = None
    holder: str | None = None
    lease: str | None = None
    retry: str | None = None
    wait: str = "due"
    batch: str | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """The circumstances of a move, besides the row."""

    has_begun: bool
    is_true: bool


GONE: Row | None = None  # deleted; the next pass plans it anew

# A row's id in the database → what a move returned for it.
Returned = Mapping[int, Any]
Move = Callable[[Connection, datetime, Sequence[int]], Returned | None]

HOLDERS = {"A": UUID(int=1), "B": UUID(int=2), "gone": UUID(int=3)}
HOLDER_NAMES = {id_: name for name, id_ in HOLDERS.items()}
CAUSES = ("wrong_database",)
# States in which the reason is a remark alone: no move asks for it.
OPEN = ("planned", "claimed", "sending")

THIS_MINUTE = text("SELECT date_trunc('minute', clock_timestamp())")
A_BATCH = text("""
    INSERT INTO session_worker.held_batch (cause, detail) VALUES (:cause, 'in the walk')
    RETURNING id""")
RESTORE = text("""
    INSERT INTO session_worker.delivery (
           id, session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient,
           person_id, role, due_at, state, reason, holder, lease_until, retry_at, send_after,
           batch, attempts, tries_since, message_key, message_at, channel, told)
    OVERRIDING SYSTEM VALUE
    SELECT r.id, :session, :tutor, :student, :starts_at, 'reminder', 60, 'user:' || r.id,
           :person, 'tutor', :earlier, r.state, r.reason, CAST(r.holder AS uuid),
           clock_timestamp() + CASE r.lease WHEN 'lives' THEN interval '1 hour'
                                            WHEN 'over' THEN interval '-1 second' END,
           CASE r.retry WHEN 'later' THEN :later WHEN 'due' THEN :earlier END,
           CASE r.wait WHEN 'later' THEN :later ELSE :earlier END,
           r.batch, r.attempts, CASE WHEN r.is_retried THEN :before END,
           CASE WHEN r.attempts > 0 THEN CAST(CAST(:key AS text) AS uuid) END,
           CASE WHEN r.attempts > 0 THEN :earlier END, CASE WHEN r.attempts > 0 THEN 'email' END,
           CASE WHEN r.attempts > 0 THEN CAST('{"subject": "Mathematics"}' AS jsonb) END
      FROM json_to_recordset(CAST(:rows AS json)) AS r(
           id bigint, state text, reason text, holder text, lease text, retry text, wait text,
           batch bigint, attempts smallint, is_retried boolean)""")
RESTORE_ATTEMPTS = text("""
    INSERT INTO session_worker.attempt
           (delivery_id, message_key, channel, begun_at, ended_at, outcome, final, about)
    SELECT r.delivery_id, CAST(CAST(:key AS text) AS uuid), 'email', r.at,
           CASE WHEN r.outcome IS NOT NULL THEN r.at END, r.outcome, r.final, r.about
      FROM (SELECT *, CASE WHEN counts THEN CAST(:before AS timestamptz) ELSE :earlier END AS at
              FROM json_to_recordset(CAST(:rows AS json)) AS r(
                   number bigint, delivery_id bigint, outcome text, final boolean, about text,
                   counts boolean)) r
     ORDER BY r.number""")
CANCEL = text("UPDATE tutor_sessions SET status = 'cancelled'")
READ = text("""
    SELECT d.id, d.state, d.reason, d.holder, d.lease_until > clock_timestamp() AS lives,
           d.retry_at, d.send_after, b.cause, d.tries_since,
           b.settled_at IS NOT NULL AND d.state = 'held' AS is_lost,
           coalesce((SELECT json_agg(json_build_array(
                                a.outcome, a.final, a.about,
                                a.begun_at >= coalesce(d.tries_since, '-infinity')) ORDER BY a.id)
                       FROM session_worker.attempt a WHERE a.delivery_id = d.id), '[]') AS attempts
      FROM session_worker.delivery d LEFT JOIN session_worker.held_batch b ON b.id = d.batch""")


class LedgerRows:
    """Reminders to a tutor, an hour before a session that begins in eleven minutes."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.before: datetime = conn.execute(THIS_MINUTE).scalar_one()
        self.starts_at = self.before + 11 * MINUTE
        wall = self.starts_at + 3 * HOUR  # in Addis Ababa
        tutor, student = a_tutor(conn), a_student(conn)
        session = a_session(
            conn, tutor_id=tutor, student_id=student, session_date=wall.date(),
            start_time=wall.time(), end_time=None, notification_enabled=True,
        )  # fmt: skip
        self.batches = {cause: conn.scalars(A_BATCH, {"cause": cause}).one() for cause in CAUSES}
        self.same = {
            "session": session, "tutor": tutor, "student": student, "starts_at": self.starts_at,
            "person": conn.execute(text("SELECT user_id FROM tutor_profiles")).scalar_one(),
            "before": self.before, "earlier": self.starts_at - HOUR, "key": str(UUID(int=7)),
        }  # fmt: skip
        conn.execute(
            text("UPDATE session_worker.installation SET first_tick_at = :at, ticked_at = :at,"
                 " planned_until = :at"), {"at": self.before},
        )  # fmt: skip
        conn.commit()

    def moved(
        self, rows: Sequence[Row], move: Move, around: Around
    ) -> list[tuple[Row | None, Any]]:
        """Of each row, alone of its kind: the row after the move, and what the move returned.

        A holder whom the move named anew is called 'A'. Nothing of it stays in the database.
        """
        now = self.starts_at + 2 * MINUTE if around.has_begun else self.before
        ids = [*range(1, len(rows) + 1)]
        with self.conn.begin() as whole:
            self.restore(dict(zip(ids, rows, strict=True)), now)
            if not around.is_true:
                self.conn.execute(CANCEL)
            returned = move(self.conn, now, ids) or {}
            after = {found.id: row_of(found, now) for found in self.conn.execute(READ)}
            whole.rollback()
        return [(after.get(id_, GONE), returned.get(id_)) for id_ in ids]

    def restore(self, rows: Mapping[int, Row], now: datetime) -> None:
        written = [{
            "id": id_, "state": row.state, "reason": row.reason,
            "holder": row.holder and str(HOLDERS[row.holder]), "lease": row.lease,
            "retry": row.retry, "wait": row.wait, "attempts": len(row.attempts),
            "batch": row.batch and self.batches[row.batch],
            "is_retried": any(not each.counts for each in row.attempts),
        } for id_, row in rows.items()]  # fmt: skip
        tries = [{
            "number": number, "delivery_id": id_, "outcome": each.outcome, "final": each.final,
            "about": each.about, "counts": each.counts,
        } for id_, row in rows.items() for number, each in enumerate(row.attempts)]  # fmt: skip
        common = {**self.same, "later": now + MINUTE}
        self.conn.execute(RESTORE, {**common, "rows": json.dumps(written)})
        if tries:
            self.conn.execute(RESTORE_ATTEMPTS, {**common, "rows": json.dumps(tries)})


def row_of(found: Any, now: datetime) -> Row:
    """The row as read."""
    return Row(
        found.state,
        None if found.state in OPEN else found.reason,
        None if found.holder is None else HOLDER_NAMES.get(found.holder, "A"),
        None if found.lives is None else "lives" if found.lives else "over",
        None if found.retry_at is None else "later" if found.retry_at > now else "due",
        "later" if found.send_after > now else "due",
        "settled" if found.is_lost else found.cause if found.state == "held" else None,
        tuple(Attempt(*each) for each in found.attempts),
    )
