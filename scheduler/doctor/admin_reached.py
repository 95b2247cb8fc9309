"""Check of the messages to ADMIN: whom nobody can warn has to look for himself."""

from collections.abc import Iterator

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, warning
from scheduler.words import local

# Index: primary key, from the end. The last message of which anything is known.
LAST = text("""
    SELECT coalesce(ended_at, message_at) AS at, outcome, words FROM session_worker.admin_message
     WHERE words IS NOT NULL ORDER BY id DESC LIMIT 1""")


def check_admin(patient: Patient) -> Iterator[Finding]:
    """The last message to ADMIN did not arrive, or may not have."""
    row = patient.conn.execute(LAST).one_or_none()
    if not patient.settings.admin or row is None or row.outcome in ("sent", "logged", "nothing"):
        return
    at = local(row.at, patient.settings.zone)
    detail = f"the message to ADMIN of {at} did not arrive for certain: {row.words}"
    yield warning("admin_unreached", detail, "correct ADMIN, and restart the workers")
