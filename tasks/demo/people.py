"""The people of the demo's site. Ethiopian names: first, father's, grandfather's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from models.site import Enrolment, ParentProfile, StudentProfile, TutorProfile, User

TUTORS = ("Almaz Tesfaye Bekele", "Girma Wolde Hailu", "Meseret Alemu Desta")
STUDENTS = (
    "Dawit Kebede Worku",
    "Hana Solomon Girma",
    "Yonas Tadesse Abera",
    "Selam Mekonnen Fikre",
    "Liya Yohannes Tekle",
    "Bereket Assefa Lemma",
)
PARENT = "Tigist Assefa Lemma"
# Without address and phone: she cannot be reached, and the ledger must say so.
WITHOUT_ADDRESS = "Selam Mekonnen Fikre"
# His account is inactive: his series are paused.
INACTIVE = "Bereket Assefa Lemma"
# Not enrolled with the tutor: the worker reports it and goes on.
NOT_ENROLLED = ("Meseret", "Hana")


@dataclass(frozen=True, slots=True)
class People:
    """Profile ids by first name."""

    tutors: Mapping[str, int]
    students: Mapping[str, int]


def add_people(conn: Connection) -> People:
    """Add tutors, students and a parent, and enrol the students with the tutors."""
    tutors = {first_name(name): add_tutor(conn, name) for name in TUTORS}
    parent = add_profile(conn, ParentProfile, PARENT, "parent", {})
    students = {first_name(name): add_student(conn, name, parent) for name in STUDENTS}
    people = People(tutors, students)
    enrol(conn, people)
    return people


def first_name(name: str) -> str:
    return name.partition(" ")[0]


def address_of(name: str) -> str:
    """The e-mail address of a person of the demo."""
    return f"{first_name(name).lower()}@tutoring.example"


def add_tutor(conn: Connection, name: str) -> int:
    columns = {"username": first_name(name).lower(), "is_suspended": False}
    return add_profile(conn, TutorProfile, name, "tutor", columns)


def add_student(conn: Connection, name: str, parent: int) -> int:
    parents = [parent] if name.endswith("Assefa Lemma") else None
    columns = {"username": first_name(name).lower(), "grade_level": "10", "parent_id": parents}
    return add_profile(conn, StudentProfile, name, "student", columns)


def add_profile(
    conn: Connection, profile: type[Any], name: str, role: str, columns: Mapping[str, Any]
) -> int:
    row = {"user_id": add_user(conn, name, role), **columns}
    return int(conn.scalars(insert(profile).values(row).returning(profile.id)).one())


def add_user(conn: Connection, name: str, role: str) -> int:
    first, fathers, grandfathers = name.split()
    row = {
        "first_name": first,
        "father_name": fathers,
        "grandfather_name": grandfathers,
        "email": None if name == WITHOUT_ADDRESS else address_of(name),
        "is_active": name != INACTIVE,
        "roles": [role],
        "active_role": role,
    }
    return int(conn.scalars(insert(User).values(row).returning(User.id)).one())


def enrol(conn: Connection, people: People) -> None:
    places = [
        {"tutor_id": tutor, "student_profile_id": student, "requester_type": "student"}
        for tutor_name, tutor in people.tutors.items()
        for student_name, student in people.students.items()
        if (tutor_name, student_name) != NOT_ENROLLED
    ]
    conn.execute(insert(Enrolment), places)
