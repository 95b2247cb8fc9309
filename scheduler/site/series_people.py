"""SQL of a series' or session's people: profiles and users, enrolment, and the reasons that pause a
series (design, the table "What happened")."""

from models.catalog import SiteCatalog
from models.taken_ids import ProfileKey


def people_joins(catalog: SiteCatalog, series: str) -> str:
    """SQL joins from `series` (an alias with tutor_id, student_id) to its profiles and users.

    At most one row each: `tp`, `tu`, `sp`, `su`.
    """
    tutors, students = (_profiles(catalog, table) for table in ("tutor_profiles", STUDENTS))
    return f"""
      LEFT JOIN {tutors} tp ON tp.{_profile_column(catalog.tutor_key)} = {series}.tutor_id
      LEFT JOIN users tu ON tu.id = {_user_column(catalog.tutor_key, "tp", f"{series}.tutor_id")}
      LEFT JOIN {students} sp
             ON sp.{_profile_column(catalog.student_key)} = {series}.student_id
      LEFT JOIN users su
             ON su.id = {_user_column(catalog.student_key, "sp", f"{series}.student_id")}"""


STUDENTS = "student_profiles"


def enrolment_join(catalog: SiteCatalog) -> str:
    """SQL join from `people_joins` to the student's own enrolment `e`.

    Index: the unique constraint of tutor_students.
    """
    if not catalog.has_enrolments:
        return " LEFT JOIN (SELECT NULL::integer AS id) e ON false"
    return f"""
      LEFT JOIN tutor_students e
             ON e.tutor_id = tp.id AND e.student_profile_id = sp.id
            AND {of_student(catalog, "e")}"""


def enrolled_now(catalog: SiteCatalog) -> str:
    """SQL condition: tutor_students has the pair of `people_joins`. Index: its unique one."""
    if not catalog.has_enrolments:
        return "false"
    return f"""EXISTS (SELECT FROM tutor_students e
                     WHERE e.tutor_id {_among(catalog.tutor_key, "tp", "tutor_profiles")}
                       AND e.student_profile_id {_among(catalog.student_key, "sp", STUDENTS)}
                       AND {of_student(catalog, "e")})"""


def pause_reason(catalog: SiteCatalog, series: str) -> str:
    """SQL of the reason that pauses the series of `people_joins`, or NULL. A NULL flag is ignored.

    `series` has the columns `enrolled` (the pair was once enrolled) and `state`. No series pauses
    for enrolments that look lost rather than ended, and none for any reason while it is in doubt
    whose ids the sessions hold; series that are paused already stay paused.
    """
    reason = f"""CASE
        WHEN {suspended(catalog, "tp", "tu")} THEN 'tutor_suspended'
        WHEN NOT {catalog.read("tp", "tutor_profiles", "is_active")}
          OR NOT {catalog.read("tu", "users", "is_active")} THEN 'tutor_inactive'
        WHEN {catalog.read("su", "users", "is_suspended")} THEN 'student_suspended'
        WHEN {student_left(catalog, "sp")}
          OR NOT {catalog.read("su", "users", "is_active")} THEN 'student_inactive'
        WHEN {series}.enrolled AND NOT {enrolled_now(catalog)}
             AND ({series}.state = 'paused' OR NOT {enrolments_lost(catalog)})
        THEN 'enrolment_ended' END"""
    if catalog.ids_in_doubt:
        return f"CASE WHEN {series}.state = 'paused' THEN {reason} END"
    return reason


# Numbers of enrolments gone at once that are taken for an accident: where they are at least half of
# all enrolled pairs, and where they are fewer.
MANY_OF_FEW = 5
MANY = 50


def enrolments_lost(catalog: SiteCatalog) -> str:
    """SQL condition: the enrolments of active series look lost, as the table is gone or empty, or
    as many are gone at once. Evaluated once in a statement."""
    if not catalog.has_enrolments:
        return "true"
    return f"""(SELECT NOT EXISTS (SELECT FROM tutor_students)
                    OR gone >= {MANY} OR gone >= {MANY_OF_FEW} AND 2 * gone >= pairs
                  FROM ({enrolment_counts(catalog)}) counted)"""


def enrolment_counts(catalog: SiteCatalog) -> str:
    """SQL of one row: `pairs`, the number of pairs with active series that were once enrolled, and
    `gone`, how many of them no longer are. One pass over session_worker.series."""
    return f"""
        SELECT count(*) AS pairs, count(*) FILTER (WHERE NOT stands) AS gone
          FROM (SELECT bool_or({enrolled_now(catalog)}) AS stands
                  FROM session_worker.series r {people_joins(catalog, "r")}
                 WHERE r.enrolled AND r.state = 'active'
                 GROUP BY r.tutor_id, r.student_id) pair"""


def suspended(catalog: SiteCatalog, profile: str, user: str) -> str:
    """SQL condition: the tutor is suspended, by the profile (older sites) or the user (newest)."""
    return f"""({catalog.read(profile, "tutor_profiles", "is_suspended")}
          OR {catalog.read(user, "users", "is_suspended")})"""


def student_left(catalog: SiteCatalog, profile: str) -> str:
    """SQL condition: the student's profile is inactive, or scheduled for deletion."""
    return f"""(NOT {catalog.read(profile, STUDENTS, "is_active")}
          OR {catalog.read(profile, STUDENTS, "scheduled_deletion_at")} IS NOT NULL)"""


def of_student(catalog: SiteCatalog, enrolment: str) -> str:
    """SQL condition: the enrolment is a student's own.

    With requester_type 'parent', student_profile_id holds a parent's id and the contacts are the
    parent's. The student with the same number would be another family's child.
    """
    requester = catalog.read(enrolment, "tutor_students", "requester_type")
    return f"lower(btrim({requester}::text)) IS DISTINCT FROM 'parent'"


def _profiles(catalog: SiteCatalog, table: str) -> str:
    """SQL of the profiles, one for each user where sessions hold user ids. Of a user's two profiles
    the one that is neither suspended nor inactive counts."""
    key = catalog.student_key if table == STUDENTS else catalog.tutor_key
    if key is ProfileKey.PROFILE:
        return table
    good = catalog.read("p", table, "is_active")
    if table != STUDENTS:
        good = f"({good} IS NOT FALSE AND {catalog.read('p', table, 'is_suspended')} IS NOT TRUE)"
    return f"""(SELECT DISTINCT ON (p.user_id) p.* FROM {table} p
                   ORDER BY p.user_id, {good} DESC NULLS LAST, p.id)"""


def _among(key: ProfileKey, profile: str, table: str) -> str:
    """SQL condition on the profile ids by which an enrolment can name the person."""
    if key is ProfileKey.PROFILE:
        return f"= {profile}.id"
    return f"IN (SELECT p.id FROM {table} p WHERE p.user_id = {profile}.user_id)"


def _profile_column(key: ProfileKey) -> str:
    return "id" if key is ProfileKey.PROFILE else "user_id"


def _user_column(key: ProfileKey, profile: str, direct: str) -> str:
    return f"{profile}.user_id" if key is ProfileKey.PROFILE else direct
