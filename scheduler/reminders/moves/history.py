"""Record of moves that are no tries, for `explain`.

A row of the ledger holds only its present state; this keeps how it was held and released, or
withdrawn and brought back. A wait for a paused channel or an unreachable provider is renewed often
and recorded once; a wait for a channel's rate or a free connection is not recorded.
"""

from sqlalchemy import TextClause, text

# Reasons of `moves.postpone`.
SHORT_WAITS = "'rate', 'channel_busy', 'sms_budget'"
LONG_WAITS = "'paused', 'channel_down', 'person_rate'"


def noted(move: str) -> TextClause:
    """The statement of a move, extended so that it also records what moved.

    `move` is an UPDATE that returns id, state and reason; the result returns the ids. The time is
    the database clock's, like `planned_at`. Index: move_delivery, for long waits only.
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
