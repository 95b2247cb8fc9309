"""A person's e-mail address and phone, and where each came from (design, "Address")."""

from dataclasses import dataclass
from enum import StrEnum

from scheduler.settings import Role


class Source(StrEnum):
    """Where an address came from, as the ledger notes it."""

    USER = "user"  # users.email, users.phone
    ENROLMENT = "enrolment"  # the contact fields of tutor_students


@dataclass(frozen=True, slots=True)
class Contact:
    """`source` is None where there is no `address`."""

    address: str | None
    source: Source | None


def contact(role: Role, users: str | None, enrolments: str | None) -> Contact:
    """The user's own, else, of a student, the one of the enrolment; a blank one is none."""
    if users and users.strip():
        return Contact(users, Source.USER)
    if role is Role.STUDENT and enrolments and enrolments.strip():
        return Contact(enrolments, Source.ENROLMENT)
    return Contact(None, None)
