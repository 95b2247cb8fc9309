"""Builders of rows, with valid defaults: a test names only the columns it is about.

All return the new row's id. Tables are written with plain inserts of just the named columns, so
they also fit a database that a test gave more columns, or fewer.
"""

from collections.abc import Mapping
from datetime import date, time
from itertools import count
from typing import Any

from sqlalchemy import ColumnClause, Connection, column, insert, table
from sqlalchemy.types import NullType, TypeEngine

from models.site import SITE_TABLES
from models.worker import Absence

NUMBERS = count(1)
# Columns that the builders of people write to `users`; all others go to the profile.
OF_THE_USER = {"first_name", "father_name", "grandfather_name", "email", "phone"}


def a_user(conn: Connection, **columns: Any) -> int:
    """An active person with an e-mail address and no phone."""
    number = next(NUMBERS)
    defaults = {
        "first_name": "Abebe",
        "father_name": "Kebede",
        "grandfather_name": "Alemu",
        "email": f"person{number}@tutoring.example",
    }
    return insert_row(conn, "users", {**defaults, **columns})


def a_tutor(conn: Connection, **columns: Any) -> int:
    """A tutor's profile id. Names, e-mail and phone go to the user, all else to the profile.

    For another column of the user: `a_tutor(conn, user_id=a_user(conn, is_active=False))`.
    """
    return a_profile(conn, "tutor_profiles", columns)


def a_student(conn: Connection, **columns: Any) -> int:
    """A student's profile id; see a_tutor."""
    return a_profile(conn, "student_profiles", columns)


def a_parent(conn: Connection, **columns: Any) -> int:
    """A parent's profile id; see a_tutor. `a_student(conn, parent_id=[…])` makes the tie."""
    return a_profile(conn, "parent_profiles", columns)


def an_enrolment(conn: Connection, **columns: Any) -> int:
    """A student's place with a tutor (`tutor_students`); both are made if not given."""
    people = {
        "tutor_id": columns.get("tutor_id") or a_tutor(conn),
        "student_profile_id": columns.get("student_profile_id") or a_student(conn),
    }
    return insert_row(conn, "tutor_students", {**columns, **people})


def a_session(conn: Connection, **columns: Any) -> int:
    """One session: Tuesday 2026-12-01, 14:00 to 15:00, scheduled, nobody notified.

    Tutor and student are made if not given, without an enrolment.
    """
    people = {
        "tutor_id": columns.get("tutor_id") or a_tutor(conn),
        "student_id": columns.get("student_id") or a_student(conn),
    }
    defaults = {
        "subject": "Mathematics",
        "session_date": date(2026, 12, 1),
        "start_time": time(14, 0),
        "end_time": time(15, 0),
        "mode": "online",
        "status": "scheduled",
    }
    return insert_row(conn, "tutor_sessions", {**defaults, **columns, **people})


def an_anchor(conn: Connection, **columns: Any) -> int:
    """A session that carries a rule: weekly, on its own weekday."""
    return a_session(conn, **{"is_recurring": True, "session_frequency": "weekly", **columns})


def an_absence(conn: Connection, first: date, last: date | None = None, **columns: Any) -> int:
    """An absence of everybody, whole days, from `first` to `last` (by default the same day)."""
    values = {"first_day": first, "last_day": last or first, **columns}
    return int(conn.scalars(insert(Absence).values(values).returning(Absence.id)).one())


def a_profile(conn: Connection, name: str, columns: Mapping[str, Any]) -> int:
    person = {key: value for key, value in columns.items() if key in OF_THE_USER}
    profile = {key: value for key, value in columns.items() if key not in OF_THE_USER}
    if "user_id" not in profile:
        profile["user_id"] = a_user(conn, **person)
    return insert_row(conn, name, profile)


def insert_row(conn: Connection, name: str, columns: Mapping[str, Any]) -> int:
    """Insert just these columns; a string for a JSON column is stored as a JSON string."""
    target = table(name, *(typed(name, key) for key in columns), column("id"))
    return int(conn.scalars(insert(target).values(columns).returning(target.c.id)).one())


def typed(name: str, key: str) -> ColumnClause[Any]:
    known = SITE_TABLES.tables[name].columns
    kind: TypeEngine[Any] = known[key].type if key in known else NullType()
    return column(key, kind)
