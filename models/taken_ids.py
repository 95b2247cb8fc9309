"""The reading of tutor_sessions.tutor_id and student_id that was taken, as the ledger notes it
(design, "Whose id it is").
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, text


class ProfileKey(StrEnum):
    """What tutor_sessions.tutor_id or student_id holds: ids of the profiles or of users."""

    PROFILE = "profile"
    USER = "user"


@dataclass(frozen=True, slots=True)
class TakenIds:
    """`tutor` and `student`: None where it was never judged, or never could be. The reasons are
    words of scheduler.site.id_reading. `doubt`: what keeps everything from being sent, or None.
    """

    tutor: ProfileKey | None = None
    tutor_why: str | None = None
    student: ProfileKey | None = None
    student_why: str | None = None
    doubt: str | None = None
    looked_at: datetime | None = None


# An older ledger lacks the columns, a database that was not set up the table.
NOTED = text("""
    SELECT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = to_regclass('session_worker.installation')
                      AND attname = 'ids_looked_at')""")

TAKEN = text("""
    SELECT tutor_ids, tutor_ids_why, student_ids, student_ids_why, ids_doubt, ids_looked_at
      FROM session_worker.installation""")


def taken_ids(conn: Connection) -> TakenIds:
    """Nothing taken where session_worker is not there, or older."""
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
    conn.execute(TAKE, asdict(taken))
