"""Record of moves that are no tries, kept for `explain`.

A row of the ledger holds the present alone: one that was held and released, or fell and came back,
would have no past without this. A wait for a channel that is paused, or whose provider is away, is
renewed often and kept once; one for its rate or its turn is not kept.
"""

from sqlalchemy import TextClause, text

# Reasons of `moves.postpone`.
SHORT_WAITS = "'rate', 'channel_busy'"
LONG_WAITS = "'paused', 'channel_down'"


def noted(move: str) -> TextClause:
    """The statement of a move that returns id, state and reason: what moved is kept as well.

    It returns the ids. On the database's clock, as `planned_at`. Index: move_delivery, for long
    waits alone.
    """
    return text(f"""
    WITH moved AS ({move}
    ), kept AS (
        INSERT INTO session_worker.move (delivery_id, state, reason)
        SELECT id, state, reason FROM moved
         WHERE coalesce(reason, '') NOT IN ({SHORT_WAITS})
           AND (coalesce(reason, '') NOT IN ({LONG_WAITS})
                OR reason IS DISTINCT FROM (
                    SELECT m.reason FROM session_worker.move m WHERE m.delivery_id = moved.id
                     ORDER BY m.id DESC LIMIT 1))
    )
    SELECT id FROM moved""")
