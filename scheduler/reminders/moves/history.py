"""What became of ledger rows outside of their tries, kept for `explain`.

A row of the ledger holds the present alone: one that was held and released, or fell and came back,
would have no past without this. What waits for a channel (its rate,
the end of a pause, a provider that is away) is not kept: it does so often.
"""

from sqlalchemy import TextClause, text

# Reasons of `moves.postpone`.
WAITS = "'paused', 'rate', 'channel_down', 'channel_busy'"


def noted(move: str) -> TextClause:
    """The statement of a move that returns id, state and reason: what moved is kept as well.

    It returns the ids. On the database's clock, as `planned_at`.
    """
    return text(f"""
    WITH moved AS ({move}
    ), kept AS (
        INSERT INTO session_worker.move (delivery_id, state, reason)
        SELECT id, state, reason FROM moved WHERE coalesce(reason, '') NOT IN ({WAITS})
    )
    SELECT id FROM moved""")
