"""A person's e-mail address and phone number, each with its source (design, "Address")."""

from dataclasses import dataclass
from enum import StrEnum

from scheduler.settings import Role


class Source(StrEnum):
    """Source of an address, as recorded in the ledger."""

    USER = "user"  # users.email, users.phone
    ENROLMENT = "enrolment"  # the contact fields of tutor_students


@dataclass(frozen=True, slots=True)
class Contact:
    """An address and its source; both None where there is none."""

    address: str | None
    source: Source | None


def contact(role: Role, users: str | None, enrolments: str | None) -> Contact:
    """The user's own address or, for a student without one, that of the enrolment. Blank texts
    count as no address."""
    if users and users.strip():
        return Contact(users, Source.USER)
    if role is Role.STUDENT and enrolments and enrolments.strip():
        return Contact(enrolments, Source.ENROLMENT)
    return Contact(None, None)
