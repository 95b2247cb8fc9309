"""Count of a backfill chunk's tries: a chunk that kills its process each time is given up.

The count is committed on a connection of its own, so that it survives the kill.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

TRIES = 3
GIVEN_UP = f"given up: its process was killed {TRIES} times while filling it"
# Index: primary key. The caller holds the backfill's row, so no other process counts at this time.
BEGIN = text("""
    UPDATE session_worker.backfill_chunk SET tries = tries + 1
     WHERE backfill_id = :id AND first_anchor = :first RETURNING tries""")
FORGET = text("""
    UPDATE session_worker.backfill_chunk SET tries = 0
     WHERE backfill_id = :id AND first_anchor = :first""")


def begin_try(engine: Engine, backfill_id: int, first_anchor: int) -> bool:
    """Count and commit a try. Returns False where there were too many: give the chunk up."""
    with engine.begin() as conn:
        tries: int = conn.scalars(BEGIN, {"id": backfill_id, "first": first_anchor}).one()
    return tries <= TRIES


@contextmanager
def living(engine: Engine, backfill_id: int, first_anchor: int) -> Iterator[None]:
    """Reset the tries where the block raises: the process survived, and the error is reported."""
    try:
        yield
    except BaseException:
        with suppress(SQLAlchemyError), engine.begin() as conn:
            conn.execute(FORGET, {"id": backfill_id, "first": first_anchor})
        raise
