"""Whether the people of a series are there: what pauses it, and its enrolment (design, the table
"What happened")."""

from models.catalog import ProfileKey, SiteCatalog


def people_joins(catalog: SiteCatalog, series: str) -> str:
    """SQL joins from `series` (an alias with tutor_id, student_id) to its profiles and users."""
    return f"""
      LEFT JOIN tutor_profiles tp ON tp.{_profile_column(catalog.tutor_key)} = {series}.tutor_id
      LEFT JOIN users tu ON tu.id = {_user_column(catalog.tutor_key, "tp", f"{series}.tutor_id")}
      LEFT JOIN student_profiles sp
             ON sp.{_profile_column(catalog.student_key)} = {series}.student_id
      LEFT JOIN users su
             ON su.id = {_user_column(catalog.student_key, "sp", f"{series}.student_id")}"""


def enrolled_now(catalog: SiteCatalog) -> str:
    """SQL: whether tutor_students has the pair of `people_joins`. Index: its unique constraint."""
    return """EXISTS (SELECT FROM tutor_students e
                     WHERE e.tutor_id = tp.id AND e.student_profile_id = sp.id)"""


def pause_reason(catalog: SiteCatalog, series: str) -> str:
    """SQL: why the series of `people_joins` pauses, or NULL. A flag that is NULL says nothing."""
    return f"""CASE
        WHEN {catalog.read("tp", "tutor_profiles", "is_suspended")} THEN 'tutor_suspended'
        WHEN NOT {catalog.read("tp", "tutor_profiles", "is_active")}
          OR NOT {catalog.read("tu", "users", "is_active")} THEN 'tutor_inactive'
        WHEN NOT {catalog.read("su", "users", "is_active")} THEN 'student_inactive'
        WHEN {series}.enrolled AND NOT {enrolled_now(catalog)} THEN 'enrolment_ended' END"""


def _profile_column(key: ProfileKey) -> str:
    return "id" if key is ProfileKey.PROFILE else "user_id"


def _user_column(key: ProfileKey, profile: str, direct: str) -> str:
    return f"{profile}.user_id" if key is ProfileKey.PROFILE else direct
