"""Check before each pass that this is the ledger's own database; in any other, messages are held.

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
    """The ledger came to this database with a copy or a restore. All messages are held."""

    def __init__(self) -> None:
        super().__init__(
            f"{ELSEWHERE}: nothing is sent. If this is its home now, run"
            " `celery -A tasks doctor --adopt-database`."
        )


def hold_elsewhere(conn: Connection) -> bool:
    """Hold all messages where this is not the ledger's database; returns True then.

    After a restore to an earlier moment or a fail-over, only messages due by the last tick are
    held: they may have been sent, and the record of it lost. The others are not; returns False.
    """
    if whereabouts(conn) is Whereabouts.HOME:
        note_addresses(conn)
        return False
    wait_planning_turn(conn)  # another round, or an adoption, may be changing the recorded home
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
    """Raise WrongDatabase where the database is reached by an address unknown to the ledger.

    For a round by hand, which may come through an admin's tunnel: it sends nothing, and must not
    hold what the worker sends.
    """
    if whereabouts(conn) is Whereabouts.OTHER_ADDRESS:
        raise WrongDatabase


def is_elsewhere(conn: Connection) -> bool:
    """True where nothing may be sent from this database. Holds nothing itself."""
    return whereabouts(conn) in (Whereabouts.ELSEWHERE, Whereabouts.OTHER_ADDRESS)
