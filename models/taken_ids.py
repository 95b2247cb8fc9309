"""The kinds of ids in tutor_sessions.tutor_id and student_id, as recorded in the ledger (design,
"Whose id it is").
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, text


class ProfileKey(StrEnum):
    """Kind of ids in tutor_sessions.tutor_id or student_id: of profiles or of users."""

    PROFILE = "profile"
    USER = "user"


@dataclass(frozen=True, slots=True)
class TakenIds:
    """Result of the last check of the ids.

    `tutor`, `student`: None where they are not known. The reasons are codes of
    scheduler.site.id_reading. `doubt`: the question for which all messages are held, or None.
    """

    tutor: ProfileKey | None = None
    tutor_why: str | None = None
    student: ProfileKey | None = None
    student_why: str | None = None
    doubt: str | None = None
    looked_at: datetime | None = None


# An older ledger has no such columns, a database that was not set up no such table.
NOTED = text("""
    SELECT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = to_regclass('session_worker.installation')
                      AND attname = 'ids_looked_at')""")

TAKEN = text("""
    SELECT tutor_ids, tutor_ids_why, student_ids, student_ids_why, ids_doubt, ids_looked_at
      FROM session_worker.installation""")


def taken_ids(conn: Connection) -> TakenIds:
    """The recorded result; an empty one where session_worker is missing or older."""
    if not conn.scalar(NOTED):
        return TakenIds()
    row = conn.execute(TAKEN).one_or_none()
    if row is None:
        return TakenIds()
    tutor, tutor_why, student, student_why, doubt, looked_at = row
    return TakenIds(key(tutor), tutor_why, key(student), student_why, doubt, looked_at)


def key(value: str | None) -> ProfileKey | None:
    return None if value is None else ProfileKey(value)


TAKE = text("""
    UPDATE session_worker.installation
       SET tutor_ids = :tutor, tutor_ids_why = :tutor_why, student_ids = :student,
           student_ids_why = :student_why, ids_doubt = :doubt, ids_looked_at = :looked_at""")


def take_ids(conn: Connection, taken: TakenIds) -> None:
    """Record the result of a check; the caller commits."""
    conn.execute(TAKE, asdict(taken))
