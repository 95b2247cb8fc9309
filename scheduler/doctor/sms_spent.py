"""Check of the month's SMS against SMS_BUDGET."""

from collections.abc import Iterator

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, note, warning
from scheduler.reminders.sms_budget import is_spent, month_of

NEARLY = 0.8

# Index: primary key.
PARTS = text("SELECT parts FROM session_worker.sms_month WHERE month = :month")


def check_sms_budget(patient: Patient) -> Iterator[Finding]:
    """A month's SMS that are used up, or nearly."""
    budget, month = patient.settings.sms_budget, month_of(patient.now, patient.settings.zone)
    if not budget:
        return
    parts = patient.conn.scalar(PARTS, {"month": month}) or 0
    of = f"{parts} of {budget} parts of SMS are used up in {month:%Y-%m} (SMS_BUDGET)"
    if is_spent(patient.conn, budget, month):
        yield warning(
            "sms_budget",
            f"{of}, so messages go by other channels or not at all",
            "raise SMS_BUDGET and restart the workers, then celery -A tasks deliveries --state"
            " unreachable lists what to retry",
        )
    elif parts >= NEARLY * budget:
        yield note("sms_budget", of, "raise SMS_BUDGET before it is used up, if more are to go")
