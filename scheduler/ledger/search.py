"""Search of people, sessions and messages by what an admin was told: a name, an id, the ending of
an address, the id of a mail.

Addresses are compared here and leave only as their ending.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from models.taken_ids import ProfileKey
from scheduler.ledger.listing import DeliveryLine
from scheduler.ledger.overview import SessionLine, lines_of_sessions, shown_name

SHORTEST_ENDING = 4
DIGITS = re.compile(r"\D+")


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A user. `address`: the ending of the address that was found, '…4567'; None where the name or
    the id was."""

    person_id: int
    name: str | None
    address: str | None


# One scan of users, and of enrolments; at most `limit` rows leave it.
def _people(catalog: SiteCatalog) -> str:
    phone = catalog.read("u", "users", "phone")
    digits = f"regexp_replace(coalesce({phone}::text, ''), '\\D', '', 'g')"
    return f"""
    SELECT u.id, {shown_name(catalog, "u")} AS name,
           CASE WHEN :digits <> '' AND {digits} LIKE '%' || :digits THEN {digits}
                WHEN :ending <> '' AND right(lower(u.email), length(:ending)) = :ending
                THEN u.email END AS address
      FROM users u
     WHERE u.id = :number
        OR :digits <> '' AND {digits} LIKE '%' || :digits
        OR :ending <> '' AND right(lower(u.email), length(:ending)) = :ending
        OR :words <> '' AND position(:words IN lower({shown_name(catalog, "u")})) > 0
     ORDER BY u.id LIMIT :limit"""


def find_people(
    conn: Connection, catalog: SiteCatalog, words: str, limit: int
) -> Sequence[FoundPerson]:
    """Users by id, by a part of their name, or by the ending of their phone number or e-mail."""
    asked = words.strip().lower()
    digits = DIGITS.sub("", asked)
    only_digits = not re.search(r"[^\d\s+()/.-]", asked)
    parameters = {
        "number": int(asked) if asked.isdecimal() and len(asked) < 10 else -1,
        "digits": digits if only_digits and len(digits) >= SHORTEST_ENDING else "",
        "ending": asked if not only_digits and len(asked) >= SHORTEST_ENDING else "",
        "words": "" if only_digits else asked,
        "limit": limit,
    }
    rows = conn.execute(text(_people(catalog)), parameters)
    return [FoundPerson(row.id, row.name, ending_of(row.address)) for row in rows]


SHOWN = 4


def ending_of(address: str | None) -> str | None:
    """'…4567'; '…be@site.example': of a mailbox two letters, so that nobody is written to by it."""
    if address is None:
        return None
    box, at, host = address.rpartition("@")
    return f"…{box[-2:]}@{host}" if at else f"…{address[-SHOWN:]}"


# Indexes: the primary key; attempt_message; attempt_provider_id.
BY_ID = "SELECT id FROM session_worker.delivery WHERE id = :number"
BY_KEY = "SELECT delivery_id FROM session_worker.attempt WHERE message_key = :key"
BY_PROVIDER = "SELECT delivery_id FROM session_worker.attempt WHERE provider_id = :words"
LIST = """
    SELECT id, session_id, starts_at, kind, lead_minutes, person_id, role, state, reason, channel,
           batch, outbox, source, receipt, due_at, sent_at, attempts
      FROM session_worker.delivery WHERE id IN ({ids}) ORDER BY id LIMIT :limit"""
UUID_IN = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def find_deliveries(conn: Connection, words: str, limit: int) -> Sequence[DeliveryLine]:
    """Messages by the delivery's id, a mail's Message-ID, or the provider's id."""
    asked = words.strip()
    given: dict[str, object] = {"words": asked, "limit": limit}
    ids = [BY_PROVIDER]
    if asked.isdecimal() and len(asked) < 19:
        given["number"] = int(asked)
        ids.append(BY_ID)
    if found := UUID_IN.search(asked):
        given["key"] = UUID(found[0])
        ids.append(BY_KEY)
    statement = text(LIST.format(ids=" UNION ".join(ids)))
    return [DeliveryLine(*row) for row in conn.execute(statement, given)]


# Index: the primary key.
def find_session(conn: Connection, catalog: SiteCatalog, number: int) -> SessionLine | None:
    """The session with its people's names, or None."""
    statement = text(lines_of_sessions(catalog, "id = :id"))
    row = conn.execute(statement, {"id": number, "limit": 1}).one_or_none()
    return None if row is None else SessionLine(*row)


@dataclass(frozen=True, slots=True)
class Profile:
    """A person with the ids by which sessions may name them."""

    person_id: int
    name: str | None
    tutor_ids: tuple[int, ...]
    student_ids: tuple[int, ...]


def _profile(catalog: SiteCatalog) -> str:
    return f"""
    SELECT u.id, {shown_name(catalog, "u")},
           ARRAY(SELECT id FROM tutor_profiles WHERE user_id = u.id ORDER BY id),
           ARRAY(SELECT id FROM student_profiles WHERE user_id = u.id ORDER BY id)
      FROM users u WHERE u.id = :id"""


def find_profile(conn: Connection, catalog: SiteCatalog, person_id: int) -> Profile | None:
    """The person with this users.id, or None."""
    row = conn.execute(text(_profile(catalog)), {"id": person_id}).one_or_none()
    return None if row is None else Profile(row[0], row[1], tuple(row[2]), tuple(row[3]))


OF_PERSON = """session_date BETWEEN :first AND :last
           AND (tutor_id = ANY(:tutors) OR student_id = ANY(:students))"""


def sessions_of(
    conn: Connection, catalog: SiteCatalog, profile: Profile, first: date, last: date, limit: int
) -> Sequence[SessionLine]:
    """A person's sessions on the dates from `first` to `last`, the soonest first."""
    by_user = ProfileKey.USER
    own = [profile.person_id]
    given = {
        "tutors": own if catalog.tutor_key is by_user else [*profile.tutor_ids],
        "students": own if catalog.student_key is by_user else [*profile.student_ids],
        "first": first,
        "last": last,
        "limit": limit,
    }
    rows = conn.execute(text(lines_of_sessions(catalog, OF_PERSON)), given)
    return [SessionLine(*row) for row in rows]


# Index: delivery_start; the messages about starts of some days.
TO_PERSON = text("""
    SELECT id, session_id, starts_at, kind, lead_minutes, person_id, role, state, reason, channel,
           batch, outbox, source, receipt, due_at, sent_at, attempts
      FROM session_worker.delivery
     WHERE starts_at > :since AND person_id = :person_id
     ORDER BY starts_at DESC, id DESC LIMIT :limit""")


def deliveries_to(
    conn: Connection, person_id: int, since: datetime, limit: int
) -> Sequence[DeliveryLine]:
    """A person's messages about starts after `since`, the latest start first."""
    given = {"person_id": person_id, "since": since, "limit": limit}
    return [DeliveryLine(*row) for row in conn.execute(TO_PERSON, given)]
