"""SQL of the recipients of due sessions, by the roles that the settings name."""

from models.catalog import SiteCatalog
from models.taken_ids import ProfileKey
from scheduler.message import Kind
from scheduler.settings import Role, Settings

# Order of roles: a person with two roles in a session gets one message, for the first.
PLACES = {Role.TUTOR: 1, Role.STUDENT: 2, Role.PARENT: 3}


def people(catalog: SiteCatalog, settings: Settings) -> str:
    """SQL of the rows of `due`, once for each person and role; the lowest `place` wins.

    `recipient` is 'user:7', or 'student:3' where the student has no user.
    """
    roles = {
        Kind.REMINDER: settings.reminder_recipients,
        Kind.ALARM: settings.alarm_recipients,
        Kind.ESCALATION: () if settings.escalate is None else (settings.escalate.role,),
    }
    branches = []
    for role in Role:
        kinds = [kind for kind, wanted in roles.items() if role in wanted]
        if kinds and (branch := BRANCHES[role](catalog)):
            among = ", ".join(f"'{kind}'" for kind in kinds)
            branches.append(f"{branch} WHERE due.kind IN ({among})")
    return " UNION ALL ".join(branches) or NOBODY


NOBODY = """
        SELECT due.*, 'tutor' AS role, 1 AS place, NULL::integer AS person_id, '' AS recipient
          FROM due WHERE false"""


def _tutors(catalog: SiteCatalog) -> str:
    return _profiles("tutor_profiles", "due.tutor_id", catalog.tutor_key, Role.TUTOR)


def _students(catalog: SiteCatalog) -> str:
    return _profiles("student_profiles", "due.student_id", catalog.student_key, Role.STUDENT)


def _profiles(table: str, key: str, points_at: ProfileKey, role: Role) -> str:
    """SQL of one role's people. Where sessions hold user ids, no profile is read."""
    joins = f"LEFT JOIN users u ON u.id = {key}"
    if points_at is ProfileKey.PROFILE:
        joins = f"LEFT JOIN {table} p ON p.id = {key} LEFT JOIN users u ON u.id = p.user_id"
    return f"SELECT due.*, {_person(role, 'u.id', key)} FROM due {joins}"


def _parents(catalog: SiteCatalog) -> str:
    """SQL of the students' parents, where this database has the columns for it."""
    joins = parent_joins(catalog)
    if not joins:
        return ""
    student = "id" if catalog.student_key is ProfileKey.PROFILE else "user_id"
    user = "pu.id" if catalog.has("parent_profiles", "user_id") else "NULL::integer"
    return f"""
        SELECT due.*, {_person(Role.PARENT, user, "c.id")}
          FROM due
          JOIN student_profiles sp ON sp.{student} = due.student_id {joins}"""


def parent_joins(catalog: SiteCatalog) -> str:
    """SQL joins from the student's profile `sp` to each parent's id `c.id` and user `pu`; empty
    where this database has no columns for parents.

    Old rows of parent_id may hold user ids. Where the parents' profiles list their children, a
    parent counts only if both sides agree.
    """
    if not catalog.has("student_profiles", "parent_id"):
        return ""
    joins = "JOIN LATERAL unnest(sp.parent_id) AS c(id) ON c.id IS NOT NULL"
    if not catalog.has("parent_profiles", "user_id"):
        return joins
    if not catalog.has("parent_profiles", "children_ids"):
        return f"""{joins}
          LEFT JOIN parent_profiles pp ON pp.id = c.id LEFT JOIN users pu ON pu.id = pp.user_id"""
    return f"""{joins}
          JOIN parent_profiles pp ON pp.id = c.id AND {NAMES_THE_CHILD}
          LEFT JOIN users pu ON pu.id = pp.user_id"""


# children_ids is an array or JSON, of numbers or of texts of digits.
NAMES_THE_CHILD = """(to_jsonb(pp.children_ids) @> to_jsonb(sp.id)
                OR to_jsonb(pp.children_ids) @> to_jsonb(sp.id::text))"""


def _person(role: Role, user: str, otherwise: str) -> str:
    return f"""'{role}' AS role, {PLACES[role]} AS place, {user} AS person_id,
               coalesce('user:' || {user}, '{role}:' || {otherwise}) AS recipient"""


BRANCHES = {Role.TUTOR: _tutors, Role.STUDENT: _students, Role.PARENT: _parents}
