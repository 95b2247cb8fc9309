"""Check for enrolments that look lost rather than ended, and so pause no series (design, the table
"What happened").
"""

from collections.abc import Iterator

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error
from scheduler.site.series_people import enrolment_counts, enrolments_lost

CURE = (
    "restore the rows of tutor_students; where a series is really over, celery -A tasks series end"
)

# Few rows: active series, or the first one that was enrolled.
ANY_ENROLLED = text("""
    SELECT EXISTS (SELECT FROM session_worker.series WHERE enrolled AND state = 'active')""")


def check_enrolments(patient: Patient) -> Iterator[Finding]:
    """Enrolments that disappeared in numbers. None where no pair was ever enrolled."""
    conn, catalog = patient.conn, patient.catalog
    if not conn.scalar(ANY_ENROLLED):
        return
    if not catalog.has_enrolments:
        yield error("enrolments_lost", "tutor_students is gone: no series pauses for it", CURE)
    elif conn.scalar(text(f"SELECT {enrolments_lost(catalog)}")):
        row = conn.execute(text(enrolment_counts(catalog))).one()
        detail = f"{row.gone} of {row.pairs} enrolments with sessions are gone from tutor_students"
        yield error("enrolments_lost", f"{detail} at once: no series pauses for that", CURE)
