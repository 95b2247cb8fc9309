"""Check of lessons that are over and still scheduled, though their tutors were asked."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from scheduler.doctor.patient import Patient, some
from scheduler.finding import Finding, note
from scheduler.reminders.read.still_true import LIVE
from scheduler.words import many

SPAN = timedelta(days=30)

# Index: delivery_start, for the questions of a month; the primary key of tutor_sessions.
OPEN = text(f"""
    SELECT count(*) AS sessions, (array_agg(id ORDER BY id DESC))[1\\:5] AS ids FROM (
        SELECT DISTINCT s.id FROM session_worker.delivery d
          JOIN tutor_sessions s ON s.id = d.session_id
         WHERE d.starts_at > :since AND d.kind = 'follow_up' AND d.due_at <= :now
           AND d.state NOT IN ('planned', 'claimed', 'sending', 'obsolete')
           AND s.session_date <= :today AND {LIVE}) asked""")


def check_open_lessons(patient: Patient) -> Iterator[Finding]:
    """Sessions of the last 30 days about which a tutor was asked, and that stay open."""
    span = {"since": patient.now - SPAN, "now": patient.now, "today": patient.today}
    row = patient.conn.execute(OPEN, span).one()
    if row.sessions:
        yield note(
            "open_lessons",
            f"{many(row.sessions, 'session')} of the last 30 days still scheduled after the"
            f" question to the tutor: sessions {some(row.ids, row.sessions)}",
            "set their status on the site: completed, missed or cancelled, or a new date",
        )
