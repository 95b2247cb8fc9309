"""Moves by which an admin decides on stuck messages: failed for good, never answered, held.

    failed | unknown | held (no answer) | unreachable → planned            retry, retry_failed
    unknown | held (no answer) → sent | failed                             settle
    held (with a batch) → planned | obsolete                               release, drop

Rows of one message move together. A message whose session has begun expires in the next pass.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from models.installation import installation_matches
from scheduler.message import GRACE
from scheduler.reminders.moves.held_batches import WRONG_DATABASE
from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.moves.refusal import LedgerRefusal

# Index: primary key. A row that was dropped by mistake counts as stuck. Earlier tries no longer
# exclude a channel (`tries_since`), as the provider or the address may have been corrected.
RETRY = noted("""
    UPDATE session_worker.delivery d
       SET state = 'planned', reason = 'retried_by_admin', send_after = :now, tries_since = :now,
           retry_at = NULL, holder = NULL, lease_until = NULL
     WHERE d.id = ANY(CAST(:ids AS bigint[]))
       AND (d.state IN ('failed', 'unknown', 'unreachable')
            OR d.state = 'held' AND d.reason = 'no_answer'
            OR d.state = 'obsolete' AND d.reason = 'dropped_by_admin')
       AND NOT session_worker.begun(
           d.kind, d.lead_minutes, d.starts_at, d.change, :now)
    RETURNING d.id, d.state, d.reason""")


@logged
def retry(conn: Connection, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """failed, unknown, held without an answer, unreachable, or obsolete as dropped → planned.

    They are sent at once if they are still true. Returns the ids that moved, with those of the same
    messages. Raises LedgerRefusal where one of them cannot be sent again; then none has moved.
    """
    return _move(conn, RETRY, ids, now, "retried")


# Index: delivery_start. A message whose session has begun cannot be sent any more.
FAILED = text("""
    SELECT d.id FROM session_worker.delivery d
     WHERE d.starts_at > :begun_after AND d.due_at >= :since
       AND d.state = 'failed' AND d.retry_at IS NULL
       AND NOT session_worker.begun(
           d.kind, d.lead_minutes, d.starts_at, d.change, :now)""")


@logged
def retry_failed(conn: Connection, since: datetime, now: datetime) -> frozenset[int]:
    """failed for good → planned: all that were due at `since` (aware) or later, and whose session
    has not begun. Returns the ids that moved."""
    ids = [*conn.scalars(FAILED, {"since": since, "begun_after": now - GRACE, "now": now})]
    return frozenset(conn.scalars(RETRY, {"ids": ids, "now": now}))


# Indexes: primary key, attempt_delivery. The time of sending is that of the last try.
SETTLE_SENT = noted("""
    UPDATE session_worker.delivery d
       SET state = 'sent', reason = 'settled_by_admin', retry_at = NULL,
           sent_at = coalesce((SELECT max(t.begun_at) FROM session_worker.attempt t
                                WHERE t.delivery_id = d.id), :now)
     WHERE d.id = ANY(CAST(:ids AS bigint[]))
       AND (d.state = 'unknown' OR d.state = 'held' AND d.reason = 'no_answer')
    RETURNING d.id, d.state, d.reason""")


@logged
def settle_sent(conn: Connection, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """unknown, held without an answer → sent: the provider's log shows it as sent."""
    return _move(conn, SETTLE_SENT, ids, now, "settled")


# Index: primary key.
SETTLE_NOT_SENT = noted("""
    UPDATE session_worker.delivery d
       SET state = 'failed', reason = 'settled_by_admin', retry_at = NULL
     WHERE d.id = ANY(CAST(:ids AS bigint[]))
       AND (d.state = 'unknown' OR d.state = 'held' AND d.reason = 'no_answer')
    RETURNING d.id, d.state, d.reason""")


@logged
def settle_not_sent(conn: Connection, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """unknown, held without an answer → failed, for good. `retry` would send it again."""
    return _move(conn, SETTLE_NOT_SENT, ids, now, "settled")


def _move(
    conn: Connection, move: TextClause, ids: Sequence[int], now: datetime, moved: str
) -> frozenset[int]:
    """Move all of `ids` and the other rows of their messages, or none."""
    whole = [*conn.scalars(WHOLE_MESSAGES, {"ids": [*ids]})]
    with conn.begin_nested():
        done = frozenset(conn.scalars(move, {"ids": whole, "now": now}))
        if left := set(ids) - done:
            raise LedgerRefusal(_why_not(conn, min(left), now, moved))
    return done


# Indexes: primary key, delivery_start; delivery_notice, as a notice may be about many starts.
WHOLE_MESSAGES = text("""
    SELECT unnest(CAST(:ids AS bigint[]))
     UNION
    SELECT m.id FROM session_worker.delivery d
      JOIN session_worker.delivery m
        ON m.starts_at = d.starts_at AND m.recipient = d.recipient
       AND m.kind = d.kind AND m.message_key = d.message_key
     WHERE d.id = ANY(CAST(:ids AS bigint[]))
     UNION
    SELECT m.id FROM session_worker.delivery d
      JOIN session_worker.delivery m ON m.message_key = d.message_key AND m.kind = 'notice'
     WHERE d.id = ANY(CAST(:ids AS bigint[])) AND d.kind = 'notice'""")

STANDS_AS = text("""
    SELECT state, reason, batch,
           session_worker.begun(kind, lead_minutes, starts_at, change, :now) AS begun
      FROM session_worker.delivery WHERE id = :id""")


def _why_not(conn: Connection, id_: int, now: datetime, moved: str) -> str:
    row = conn.execute(STANDS_AS, {"id": id_, "now": now}).one_or_none()
    if row is None:
        return f"there is no delivery {id_}: `celery -A tasks deliveries` lists the deliveries."
    if row.state == "held" and row.reason != "no_answer":
        return (
            f"delivery {id_} is held with batch {row.batch}: `celery -A tasks deliveries release`"
            f" or `drop` --batch {row.batch} decides on it."
        )
    if row.begun and moved == "retried":
        return f"delivery {id_} cannot be retried: its session has begun."
    return f"delivery {id_} is {row.state}, so it cannot be {moved}: nothing was changed."


# Index: delivery_stuck. `batch` is kept as the row's history.
RELEASE_BATCH = noted("""
    UPDATE session_worker.delivery
       SET state = 'planned', reason = 'released_by_admin'
     WHERE batch = :batch AND state = 'held'
    RETURNING id, state, reason""")


@logged
def release_batch(conn: Connection, batch: int, now: datetime) -> frozenset[int]:
    """held → planned, all that are held with this batch; those still true are sent.

    Raises LedgerRefusal where there is no such batch, where it was decided on before, and where
    this is not the ledger's database.
    """
    if _settle(conn, batch, now) == WRONG_DATABASE and not installation_matches(conn):
        raise LedgerRefusal(
            f"batch {batch} is held as this is not the ledger's database:"
            " `celery -A tasks doctor --adopt-database` takes it over and releases it."
        )
    return frozenset(conn.scalars(RELEASE_BATCH, {"batch": batch}))


# Index: delivery_stuck. A dropped row is never planned again.
DROP_BATCH = noted("""
    UPDATE session_worker.delivery
       SET state = 'obsolete', reason = 'dropped_by_admin'
     WHERE batch = :batch AND state = 'held'
    RETURNING id, state, reason""")


@logged
def drop_batch(conn: Connection, batch: int, now: datetime) -> frozenset[int]:
    """held → obsolete, all that are held with this batch. Raises LedgerRefusal as `release_batch`
    does."""
    _settle(conn, batch, now)
    return frozenset(conn.scalars(DROP_BATCH, {"batch": batch}))


# A few rows.
SETTLE_BATCH = text("""
    UPDATE session_worker.held_batch SET settled_at = :now
     WHERE id = :batch AND settled_at IS NULL RETURNING cause""")
SETTLED = text("SELECT settled_at FROM session_worker.held_batch WHERE id = :batch")


def _settle(conn: Connection, batch: int, now: datetime) -> str:
    """Record that the batch is decided on; returns its cause."""
    cause = conn.scalar(SETTLE_BATCH, {"batch": batch, "now": now})
    if cause is not None:
        return str(cause)
    settled_at = conn.scalar(SETTLED, {"batch": batch})
    if settled_at is None:
        raise LedgerRefusal(
            f"there is no held batch {batch}: `celery -A tasks doctor` lists the held batches."
        )
    raise LedgerRefusal(f"batch {batch} was decided on at {settled_at:%Y-%m-%d %H:%M} UTC.")
