"""How often a backfill's chunk was begun: one that ends its process each time is given up.

It is counted on a connection of its own, since what a killed process had not committed is gone.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

TRIES = 3
GIVEN_UP = f"given up: its process was ended {TRIES} times while it was filled"

# Index: primary key. The backfill's row is locked meanwhile, so nobody else counts.
BEGIN = text("""
    UPDATE session_worker.backfill_chunk SET tries = tries + 1
     WHERE backfill_id = :id AND first_anchor = :first RETURNING tries""")
FORGET = text("""
    UPDATE session_worker.backfill_chunk SET tries = 0
     WHERE backfill_id = :id AND first_anchor = :first""")


def begin_try(engine: Engine, backfill_id: int, first_anchor: int) -> bool:
    """Count a try, committed; False where there were too many, and the chunk is to be given up."""
    with engine.begin() as conn:
        tries: int = conn.scalars(BEGIN, {"id": backfill_id, "first": first_anchor}).one()
    return tries <= TRIES


@contextmanager
def living(engine: Engine, backfill_id: int, first_anchor: int) -> Iterator[None]:
    """Forget the tries where the block fails: the process lives, and the error tells of it."""
    try:
        yield
    except BaseException:
        with suppress(SQLAlchemyError), engine.begin() as conn:
            conn.execute(FORGET, {"id": backfill_id, "first": first_anchor})
        raise
