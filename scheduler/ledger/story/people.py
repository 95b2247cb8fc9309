"""People of a session in every role, and the reasons that keep messages from each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy import Row as ResultRow

from models.catalog import SiteCatalog
from scheduler.message import Kind, Recipient
from scheduler.settings import Role, Settings
from scheduler.site.barred import barred
from scheduler.site.contacts import contact
from scheduler.site.preferences import preferences_of, stored, with_chat
from scheduler.site.recipients import parent_joins
from scheduler.site.series_people import enrolment_join, people_joins


@dataclass(frozen=True, slots=True)
class Person:
    """A person in one role. `key`: the ledger's `recipient`.

    `barred`: reason why this person gets no messages, or None. `muted`: kinds that the person
    muted. `recipients`: the recipient for each kind of message.
    """

    key: str
    role: Role
    barred: str | None
    muted: frozenset[Kind]
    recipients: Mapping[Kind, Recipient]


# Indexes: primary keys throughout, (tutor_id, student_profile_id) of tutor_students.
def _read_people(catalog: SiteCatalog) -> str:
    return f"""
    WITH due AS (SELECT id, tutor_id, student_id FROM tutor_sessions WHERE id = :id),
    told AS ({_roles(catalog)})
    SELECT DISTINCT ON (told.place, told.key) told.key, told.role, told.person_id,
           {barred(catalog, "told.role", "ru")} AS barred,
           ru.email, {catalog.read("ru", "users", "phone")} AS phone,
           {catalog.read("e", "tutor_students", "contact_email")} AS contact_email,
           {catalog.read("e", "tutor_students", "contact_phone")} AS contact_phone,
           (SELECT jsonb_object_agg(p.kind, {stored("p")}) FROM session_worker.preference p
             WHERE p.person_id = told.person_id) AS preferences,
           EXISTS (SELECT FROM session_worker.mute_link ml
                    WHERE ml.recipient = told.key AND ml.muted_at IS NOT NULL) AS muted,
           (SELECT t.chat FROM session_worker.telegram_chat t
             WHERE t.person = told.person_id) AS chat
      FROM told CROSS JOIN due {people_joins(catalog, "due")}
      {enrolment_join(catalog)}
      LEFT JOIN users ru ON ru.id = told.person_id
     ORDER BY told.place, told.key, e.id"""


def _roles(catalog: SiteCatalog) -> str:
    roles = f"""
        SELECT p.role, p.place, p.person_id,
               coalesce('user:' || p.person_id, p.role || ':' || p.profile_id) AS key
          FROM due {people_joins(catalog, "due")}
         CROSS JOIN LATERAL (VALUES
             ('tutor', 1, tu.id, due.tutor_id), ('student', 2, su.id, due.student_id)
         ) AS p(role, place, person_id, profile_id)"""
    joins = parent_joins(catalog)
    if not joins:
        return roles
    person = "pu.id" if catalog.has("parent_profiles", "user_id") else "NULL::integer"
    return f"""{roles}
         UNION ALL
        SELECT 'parent', 3, {person}, coalesce('user:' || {person}, 'parent:' || c.id)
          FROM due {people_joins(catalog, "due")} {joins}"""


def read_people(
    conn: Connection, catalog: SiteCatalog, settings: Settings, session_id: int
) -> Sequence[Person]:
    """Tutor, student and parents, in this order. A person with two roles is listed twice."""
    rows = conn.execute(text(_read_people(catalog)), {"id": session_id})
    return [_person(row, settings) for row in rows]


def _person(row: ResultRow[Any], settings: Settings) -> Person:
    wishes: Mapping[str, Any] = row.preferences or {}
    return Person(
        key=row.key,
        role=Role(row.role),
        barred=row.barred,
        muted=frozenset(kind for kind in Kind if row.muted or _muted(wishes, kind)),
        recipients={kind: _recipient(row, wishes, kind, settings) for kind in Kind},
    )


def _muted(wishes: Mapping[str, Any], kind: Kind) -> bool:
    """True where the kind is muted. Its own preference takes precedence, as when sending."""
    rows = (wishes.get(kind), wishes.get("*"))
    return bool(next((row["muted"] for row in rows if row is not None), False))


def _recipient(
    row: ResultRow[Any], wishes: Mapping[str, Any], kind: Kind, settings: Settings
) -> Recipient:
    preferences, addresses = preferences_of(wishes.get("*"), wishes.get(kind), settings)
    addresses, linked = with_chat(addresses, row.chat)
    email = contact(Role(row.role), row.email, row.contact_email)
    phone = contact(Role(row.role), row.phone, row.contact_phone)
    return Recipient(
        person_id=row.person_id,
        role=Role(row.role),
        name=None,
        email=email.address,
        phone=phone.address,
        preferences=preferences,
        addresses=addresses,
        email_source=email.source,
        phone_source=phone.source,
        linked=linked,
    )
