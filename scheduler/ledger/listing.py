"""The ledger as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.reminders.moves.state import State


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; None and empty: any. `since`: due then or later. `limit`: the newest."""

    session_id: int | None = None
    person_id: int | None = None
    states: tuple[State, ...] = ()
    since: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A row of the ledger. `person_id` is users.id. `outbox`: 'log' or 'redirect' where it was not
    live. `source`: where the address came from, 'user', 'enrolment' or 'preference'. `receipt`:
    'delivered' or 'undelivered', where the provider said so."""

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


# Each is added only where it is asked for, so that the indexes serve: delivery_session for a
# session, delivery_stuck for what waits for an admin. The rest reads the ledger once.
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
    """The deliveries in the order in which they are due.

    Raises LedgerRefusal where there is no such session or person.
    """
    refuse_unknown(conn, wanted)
    given = {name: value for name in CONDITIONS if (value := getattr(wanted, name))}
    statement = LIST.format(conditions=" AND ".join(CONDITIONS[name] for name in given) or "true")
    parameters = {**given, "states": [*wanted.states], "limit": wanted.limit}
    return [DeliveryLine(*row) for row in conn.execute(text(statement), parameters)]


# Indexes: primary keys, delivery_session. A person whose user is gone is looked for in the ledger.
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
    """Whether the session is there, or was when messages about it were planned."""
    return bool(conn.scalar(KNOWN_SESSION, {"id": session_id}))


def unknown_session(session_id: int) -> str:
    return (
        f"there is no session {session_id}, and no message under that id: give the id of a"
        " tutor_sessions row. One entered anew has the messages of the old one."
    )
