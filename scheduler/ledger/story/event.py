"""Values of a story: events, people, and the explanation of one session."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class What(StrEnum):
    """Kind of an event: something that happened to a message, or will, or its absence."""

    PLANNED = "planned"  # into the ledger, or back into it
    WAITS = "waits"  # quiet hours, a pause, a channel's rate
    CLAIMED = "claimed"  # in a worker's hands now
    TRIED = "tried"  # handed to a channel
    SENT = "sent"
    INBOX = "inbox"  # lies in the site's inbox
    FAILED = "failed"  # for now
    REFUSED = "refused"  # for good on this channel
    NO_ANSWER = "no_answer"  # handed over, and nobody said what became of it
    HELD = "held"  # waits for an admin
    RELEASED = "released"
    DROPPED = "dropped"
    RETRIED = "retried"
    SETTLED = "settled"
    OBSOLETE = "obsolete"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    RECEIPT = "receipt"  # the provider, or a mail system, said what became of it
    ACKNOWLEDGED = "acknowledged"
    DUE = "due"  # to come
    OVERDUE = "overdue"  # should have gone by now
    BEHIND = "behind"  # the session's row could not follow its rule: it is as before the change
    NOTHING = "nothing"  # there is no message, and none will come as things are


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `at`: its instant, past or to come; for a present state, the present instant."""

    at: datetime
    what: What
    detail: str


@dataclass(frozen=True, slots=True)
class PersonStory:
    """Events of one person in one role. `person_id` is users.id, None for a role without a user."""

    person_id: int | None
    role: str
    story: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The stories of all people of a session."""

    session_id: int
    people: tuple[PersonStory, ...]
