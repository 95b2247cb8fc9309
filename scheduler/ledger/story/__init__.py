"""The story of a session's messages: for each person, what happened to each message, or why there
is none."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from models.installation import installation_matches
from scheduler.ledger.listing import knows_session, unknown_session
from scheduler.ledger.story.event import Event, Explanation, PersonStory, What
from scheduler.ledger.story.events import Scene, tell
from scheduler.ledger.story.ledger_rows import (
    Row,
    read_moves,
    read_receipts,
    read_rows,
    read_told_as,
    read_tries,
)
from scheduler.ledger.story.missing import Outlook, Reach, missing_events
from scheduler.ledger.story.people import Person, read_people
from scheduler.ledger.story.session import Session, read_session
from scheduler.message import Kind
from scheduler.reminders.channel_pauses import pauses
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.reminders.progress import progress
from scheduler.settings import Settings

__all__ = ["Event", "Explanation", "PersonStory", "Reach", "What", "explain"]

# A person in one role: the ledger's `recipient` and the role.
Part = tuple[str, str]


def explain(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    session_id: int,
    reach: Reach,
) -> Explanation:
    """The stories of everybody in the session now, and of everybody who got messages about it.

    Reads only. `reach` returns the reason why a person cannot be reached, or None. Raises
    LedgerRefusal where neither the session nor messages about it exist.
    """
    if not knows_session(conn, session_id):
        raise LedgerRefusal(unknown_session(session_id))
    session = read_session(conn, catalog, session_id, settings.site_timezone)
    people = read_people(conn, catalog, settings, session_id)
    rows = rows_by_part(read_rows(conn, session_id, settings.site_timezone))
    scene = Scene(now, settings.zone, pauses(conn), session.starts_at if session else None)
    told = tell_all(conn, rows, scene)
    if session is not None:
        outlook = look_out(conn, settings, now, session, people, reach)
        for person in people:
            part = (person.key, person.role.value)
            missing = missing_events(person, rows.get(part, []), outlook)
            told[part] = [*told.get(part, []), *missing, *left_behind(session, now)]
    return Explanation(session_id, tuple(stories(told, rows, people)))


def left_behind(session: Session, now: datetime) -> Iterator[Event]:
    """An event where the row still has the time or people from before a change of its rule."""
    if session.behind is not None:
        words = "the session's row could not follow a change of its rule, and is as before"
        yield Event(now, What.BEHIND, f"{words}: {session.behind}")


def rows_by_part(rows: Sequence[Row]) -> Mapping[Part, Sequence[Row]]:
    parts = dict.fromkeys((row.recipient, row.role) for row in rows)
    return {part: [row for row in rows if (row.recipient, row.role) == part] for part in parts}


def tell_all(
    conn: Connection, rows: Mapping[Part, Sequence[Row]], scene: Scene
) -> dict[Part, list[Event]]:
    """The events that the ledger has, for each person in each role."""
    ids = [row.id for each in rows.values() for row in each]
    tries, moves, said = read_tries(conn, ids), read_moves(conn, ids), read_receipts(conn, ids)
    return {
        part: [
            event
            for row in each
            for event in tell(
                row,
                tries.get(row.id, []),
                moves.get(row.id, []),
                said.get(row.id, []),
                scene,
            )
        ]
        for part, each in rows.items()
    }


def look_out(
    conn: Connection,
    settings: Settings,
    now: datetime,
    session: Session,
    people: Sequence[Person],
    reach: Reach,
) -> Outlook:
    return Outlook(
        session=session,
        people=people,
        told_as=read_told_as(conn, session.id, session.starts_at),
        settings=settings,
        progress=progress(conn),
        at_home=installation_matches(conn),
        reach=reach,
        now=now,
    )


def stories(
    told: Mapping[Part, Sequence[Event]],
    rows: Mapping[Part, Sequence[Row]],
    people: Sequence[Person],
) -> Iterator[PersonStory]:
    """The stories of the session's people now, in their order, then of its former people."""
    now = {(one.key, one.role.value): one.recipients[Kind.REMINDER].person_id for one in people}
    before = {part: each[0].person_id for part, each in rows.items()}
    for part, person_id in (now | before | now).items():
        story = sorted(told[part], key=lambda event: event.at)
        yield PersonStory(person_id, part[1], tuple(story))
