"""Check that the site shows its inbox where that is the only way to somebody."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, warning
from scheduler.settings import Inbox
from scheduler.words import many

UNREAD = timedelta(days=7)

# Index: delivery_start, for a week of starts.
LONE = text("""
    SELECT count(DISTINCT message_key) FROM session_worker.delivery
     WHERE channel = 'inbox' AND starts_at > :since AND starts_at <= :now""")
EVER_READ = text("SELECT EXISTS (SELECT FROM session_worker.inbox WHERE read_at IS NOT NULL)")


def check_inbox(patient: Patient) -> Iterator[Finding]:
    """Messages that lie in the inbox alone, of which nobody has ever read one."""
    if patient.settings.inbox is not Inbox.ON:
        return
    span = {"since": patient.now - UNREAD, "now": patient.now}
    lone = patient.conn.scalar(LONE, span) or 0
    if lone and not patient.conn.scalar(EVER_READ):
        yield warning(
            "inbox_unread",
            f"{many(lone, 'message')} of the last 7 days lie in the inbox alone, and nothing in it"
            " was ever read",
            "see that the site shows session_worker.inbox and sets read_at (docs/preferences.md),"
            " or set INBOX=off",
        )
