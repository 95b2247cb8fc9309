"""List of deliveries for an admin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.reminders.moves.state import State


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filter of deliveries; None and empty mean any. `since`: due then or later. `limit`: number of
    the newest ones."""

    session_id: int | None = None
    person_id: int | None = None
    states: tuple[State, ...] = ()
    since: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A row of the ledger.

    `person_id` is users.id. `outbox`: 'log' or 'redirect', None where it was live. `source`: origin
    of the address, 'user', 'enrolment', 'preference' or 'telegram'. `receipt`: 'delivered' or
    'undelivered', if the provider reported it.
    """

    id: int
    session_id: int
    starts_at: datetime
    kind: str
    lead_minutes: int
    person_id: int | None
    role: str
    state: str
    reason: str | None
    channel: str | None
    batch: int | None
    outbox: str | None
    source: str | None
    receipt: str | None
    due_at: datetime
    sent_at: datetime | None
    attempts: int


# Each condition is added only where it is asked for, so that indexes are used: delivery_session for
# a session, delivery_stuck for messages that wait for an admin. Others scan the ledger once.
CONDITIONS = {
    "session_id": "session_id = :session_id",
    "person_id": "person_id = :person_id",
    "states": "state = ANY(CAST(:states AS text[]))",
    "since": "due_at >= :since",
}
LIST = """
    SELECT * FROM (
        SELECT id, session_id, starts_at, kind, lead_minutes, person_id, role, state, reason,
               channel, batch, outbox, source, receipt, due_at, sent_at, attempts
          FROM session_worker.delivery WHERE {conditions}
         ORDER BY due_at DESC, id DESC LIMIT :limit) newest
     ORDER BY due_at, id"""


def list_deliveries(conn: Connection, wanted: Wanted) -> Sequence[DeliveryLine]:
    """The deliveries in the order of their due times.

    Raises LedgerRefusal where the filter's session or person does not exist.
    """
    refuse_unknown(conn, wanted)
    given = {name: value for name in CONDITIONS if (value := getattr(wanted, name))}
    statement = LIST.format(conditions=" AND ".join(CONDITIONS[name] for name in given) or "true")
    parameters = {**given, "states": [*wanted.states], "limit": wanted.limit}
    return [DeliveryLine(*row) for row in conn.execute(text(statement), parameters)]


# Indexes: primary keys, delivery_session. A person who is not in users may still be in the ledger.
KNOWN_SESSION = text("""
    SELECT EXISTS (SELECT FROM tutor_sessions WHERE id = :id)
        OR EXISTS (SELECT FROM session_worker.delivery WHERE session_id = :id)""")
KNOWN_PERSON = text("""
    SELECT EXISTS (SELECT FROM users WHERE id = :id)
        OR EXISTS (SELECT FROM session_worker.delivery WHERE person_id = :id)""")


def refuse_unknown(conn: Connection, wanted: Wanted) -> None:
    if wanted.session_id is not None and not knows_session(conn, wanted.session_id):
        raise LedgerRefusal(unknown_session(wanted.session_id))
    person_id = wanted.person_id
    if person_id is not None and not conn.scalar(KNOWN_PERSON, {"id": person_id}):
        raise LedgerRefusal(f"there is no person {person_id}: give an id of the table users.")


def knows_session(conn: Connection, session_id: int) -> bool:
    """True where the session exists, or the ledger has messages about it."""
    return bool(conn.scalar(KNOWN_SESSION, {"id": session_id}))


def unknown_session(session_id: int) -> str:
    """The error line for a session that neither exists nor has messages."""
    return (
        f"there is no session {session_id}, and no message under that id: give the id of a"
        " tutor_sessions row. A session that was entered again has the messages of the old one."
    )
