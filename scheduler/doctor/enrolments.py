"""Check for enrolments that are lost rather than ended: none of those pauses a series (design, the
table "What happened").
"""

from collections.abc import Iterator

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error
from scheduler.site.series_people import enrolment_counts, enrolments_lost

CURE = (
    "put the rows of tutor_students back; where a series is over indeed, celery -A tasks series end"
)

# A few rows are read: those that go on, or the first one that was enrolled.
ANY_ENROLLED = text("""
    SELECT EXISTS (SELECT FROM session_worker.series WHERE enrolled AND state = 'active')""")


def check_enrolments(patient: Patient) -> Iterator[Finding]:
    """Where nobody was ever enrolled there is nothing to lose."""
    conn, catalog = patient.conn, patient.catalog
    if not conn.scalar(ANY_ENROLLED):
        return
    if not catalog.has_enrolments:
        yield error("enrolments_lost", "tutor_students is gone: no series pauses for it", CURE)
    elif conn.scalar(text(f"SELECT {enrolments_lost(catalog)}")):
        row = conn.execute(text(enrolment_counts(catalog))).one()
        detail = f"{row.gone} of {row.pairs} enrolments with sessions are gone from tutor_students"
        yield error("enrolments_lost", f"{detail} at once: no series pauses for that", CURE)
