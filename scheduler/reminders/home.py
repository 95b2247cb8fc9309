"""The ledger's own database: recognised before each pass; elsewhere everything is held.

Source: design, "The wrong database".
"""

from sqlalchemy import Connection

from models.installation import (
    Whereabouts,
    adopt_installation,
    note_addresses,
    whereabouts,
)
from scheduler.reminders.moves.held_batches import REWOUND, WRONG_DATABASE, hold_all, hold_due
from scheduler.reminders.progress import progress
from scheduler.turns import wait_planning_turn

ELSEWHERE = "this ledger comes from a copy, or was set up on another server or database"
REWOUND_WORDS = (
    "the server was restored or promoted; what was due by the last tick may have gone out"
)


class WrongDatabase(Exception):
    """The ledger came here with a copy or a restore. Everything is held."""

    def __init__(self) -> None:
        super().__init__(
            f"{ELSEWHERE}: nothing is sent. If this is its home now, run"
            " `celery -A tasks doctor --adopt-database`."
        )


def hold_elsewhere(conn: Connection) -> bool:
    """Whether this is not the ledger's database; then everything is held.

    After a restore to an earlier moment or a fail-over, only what was due by the last tick is: it
    may have gone out, and the ledger has lost that. The rest goes on.
    """
    if whereabouts(conn) is Whereabouts.HOME:
        note_addresses(conn)
        return False
    wait_planning_turn(conn)  # another round, or an adoption, may be bringing the ledger home
    match whereabouts(conn):
        case Whereabouts.REWOUND:
            hold_due(conn, REWOUND, REWOUND_WORDS, progress(conn).ticked_at)
            adopt_installation(conn)
        case Whereabouts.ELSEWHERE | Whereabouts.OTHER_ADDRESS:
            hold_all(conn, WRONG_DATABASE, ELSEWHERE)
            return True
        case Whereabouts.HOME:
            pass
    return False


def refuse_other_address(conn: Connection) -> None:
    """Raises WrongDatabase where only the way to the ledger is another.

    For a round by hand: it may come through an admin's tunnel, and must not hold what the worker
    sends. Nothing is sent from here either.
    """
    if whereabouts(conn) is Whereabouts.OTHER_ADDRESS:
        raise WrongDatabase


def is_elsewhere(conn: Connection) -> bool:
    """Whether nothing is sent from here; holds nothing itself."""
    return whereabouts(conn) in (Whereabouts.ELSEWHERE, Whereabouts.OTHER_ADDRESS)
