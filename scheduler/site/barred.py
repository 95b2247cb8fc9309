"""Reasons why a person gets no messages at all (design, "Address")."""

from models.catalog import SiteCatalog
from scheduler.site.series_people import student_left, suspended


def barred(catalog: SiteCatalog, role: str, user: str) -> str:
    """SQL of 'suspended', 'account_suspended', 'inactive' or NULL. A NULL flag is ignored.

    `role`: SQL of the person's role in the message; `user`: alias of their row of users. The
    profiles are those of `people_joins`.
    """
    return f"""CASE
        WHEN {role} = 'tutor' AND {suspended(catalog, "tp", user)} THEN 'suspended'
        WHEN {catalog.read(user, "users", "is_suspended")} THEN 'account_suspended'
        WHEN {role} = 'tutor' AND NOT {catalog.read("tp", "tutor_profiles", "is_active")}
          OR {role} = 'student' AND {student_left(catalog, "sp")}
          OR NOT {catalog.read(user, "users", "is_active")} THEN 'inactive' END"""
