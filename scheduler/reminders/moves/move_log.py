"""One line of the log for each delivery that a move moved, at INFO, as its transaction commits.

The lines carry ids as fields of the record: `LOG_FORMAT=json` shows them (tasks.worker.json_log).
Without INFO nothing is asked and nothing is listened to.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, event, text

logger = logging.getLogger(__name__)
Given = ParamSpec("Given")
Moved = TypeVar("Moved")
# In a connection's `info`: the lines of its transaction.
LINES = "session_worker_moves"


def logged(
    move: Callable[Concatenate[Connection, Given], Moved],
) -> Callable[Concatenate[Connection, Given], Moved]:
    """Decorator of a move: a function of a connection that returns what moved."""

    @wraps(move)
    def and_log(conn: Connection, /, *given: Given.args, **options: Given.kwargs) -> Moved:
        moved = move(conn, *given, **options)
        if logger.isEnabledFor(logging.INFO) and (ids := ids_of(moved)):
            remember(conn, move.__name__, ids)
        return moved

    return and_log


def ids_of(moved: Any) -> list[int]:
    """Ids of deliveries: of a set, of a claim's batches, or of the message of a try."""
    if isinstance(moved, list):
        return [id_ for batch in moved for id_ in batch.ids]
    return [*getattr(moved, "ids", moved or ())]


# Indexes: primary key, attempt_delivery.
MOVED = text("""
    SELECT d.id, d.session_id, d.state, d.reason, d.channel, d.holder, d.batch,
           (SELECT max(a.id) FROM session_worker.attempt a WHERE a.delivery_id = d.id) AS attempt
      FROM session_worker.delivery d
     WHERE d.id = ANY(CAST(:ids AS bigint[])) ORDER BY d.id""")


def remember(conn: Connection, move: str, ids: Sequence[int]) -> None:
    """Keep the lines until the transaction's commit; a rollback drops them."""
    listen(conn.engine)
    lines = conn.info.setdefault(LINES, [])
    for row in conn.execute(MOVED, {"ids": [*ids]}):
        fields = {
            "move": move,
            "delivery": row.id,
            "session": row.session_id,
            "attempt": row.attempt,
            "batch": row.batch,
            "holder": row.holder,
            "state": row.state,
            "reason": row.reason,
            "channel": row.channel,
        }
        lines.append({name: value for name, value in fields.items() if value is not None})


def listen(engine: Engine) -> None:
    if not event.contains(engine, "commit", say):
        event.listen(engine, "commit", say)
        event.listen(engine, "rollback", drop)


def say(conn: Connection) -> None:
    for fields in conn.info.pop(LINES, ()):
        words = "%(move)s: delivery %(delivery)s of session %(session)s is %(state)s"
        logger.info(words, fields, extra=fields)


def drop(conn: Connection) -> None:
    if not conn.invalidated:  # else its lines are gone with it, and asking would raise
        conn.info.pop(LINES, None)
