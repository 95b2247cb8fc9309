"""Checks for messages that wait for an admin, failed, or were unreachable."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from scheduler.doctor.patient import Patient, some
from scheduler.finding import Finding, error, note, warning
from scheduler.words import local, many, reason

DAY = timedelta(days=1)

# Index: delivery_stuck, for a handful of batches.
BATCHES = text("""
    SELECT b.id, b.cause, b.detail, b.held_at, count(d.id) AS messages
      FROM session_worker.held_batch b
      LEFT JOIN session_worker.delivery d ON d.batch = b.id AND d.state = 'held'
     WHERE b.settled_at IS NULL
     GROUP BY b.id ORDER BY b.id""")


def check_batches(patient: Patient) -> Iterator[Finding]:
    """Batches of held messages."""
    for row in patient.conn.execute(BATCHES):
        held = f"{many(row.messages, 'message')} held with batch {row.id}"
        since = local(row.held_at, patient.settings.zone)
        yield error(
            "held",
            f"{held} since {since}: {reason(row.cause)} ({row.detail})",
            f"celery -A tasks deliveries release --batch {row.id}, or drop --batch {row.id}",
        )


DEATHS = 3
# Index: delivery_ready.
DEADLY = text("""
    SELECT count(*) AS messages, (array_agg(id ORDER BY id))[1\\:5] AS ids
      FROM session_worker.delivery
     WHERE state = 'planned' AND deaths >= :deaths""")


def check_deadly(patient: Patient) -> Iterator[Finding]:
    """One worker that dies is nothing; the same message in each of them is no accident."""
    row = patient.conn.execute(DEADLY, {"deaths": DEATHS}).one()
    if row.messages:
        yield error(
            "deadly",
            f"{many(row.messages, 'message')} under way whenever a process died, {DEATHS} times:"
            f" deliveries {some(row.ids, row.messages)}",
            "the worker's log names the signal (9: too little memory, perhaps by TEMPLATES)",
        )


# Index: delivery_ready.
WORDLESS = text("""
    SELECT count(*) AS messages, (array_agg(id ORDER BY id))[1\\:5] AS ids
      FROM session_worker.delivery
     WHERE state = 'planned' AND reason = 'no_words'""")


def check_wordless(patient: Patient) -> Iterator[Finding]:
    """Messages that wait because their template fails."""
    row = patient.conn.execute(WORDLESS).one()
    if row.messages:
        yield error(
            "wordless",
            f"{many(row.messages, 'message')} not sent because the template fails:"
            f" deliveries {some(row.ids, row.messages)}",
            "the worker's log names template and line: correct it in TEMPLATES, try it with"
            " celery -A tasks preview-message, and restart the workers",
        )


# Index: delivery_stuck.
UNANSWERED = text("""
    SELECT count(*) AS messages, (array_agg(id ORDER BY id))[1\\:5] AS ids
      FROM session_worker.delivery
     WHERE state = 'held' AND reason = 'no_answer' OR state = 'unknown' AND retry_at IS NULL""")


def check_unanswered(patient: Patient) -> Iterator[Finding]:
    """Messages without an answer that are not repeated, so that an admin has to decide."""
    row = patient.conn.execute(UNANSWERED).one()
    if row.messages:
        yield warning(
            "unanswered",
            f"{many(row.messages, 'message')} handed over and never answered: deliveries"
            f" {some(row.ids, row.messages)}",
            "look at the provider's page, then celery -A tasks deliveries settle"
            f" {row.ids[0]} --sent or --not-sent",
        )


# Index: attempt_recent, then the primary key.
FAILED = text("""
    SELECT count(*) AS messages, (array_agg(id ORDER BY id DESC))[1\\:5] AS ids,
           mode() WITHIN GROUP (ORDER BY reason) AS mostly
      FROM session_worker.delivery
     WHERE state = 'failed' AND retry_at IS NULL AND id IN (
           SELECT delivery_id FROM session_worker.attempt WHERE begun_at > :since)""")


def check_failed(patient: Patient) -> Iterator[Finding]:
    """Messages that failed for good in the last 24 hours."""
    row = patient.conn.execute(FAILED, {"since": patient.now - DAY}).one()
    if row.messages:
        yield warning(
            "failed",
            f"{many(row.messages, 'message')} failed for good in the last 24 hours, mostly:"
            f" {reason(row.mostly)}; deliveries {some(row.ids, row.messages)}",
            f"correct the cause, then celery -A tasks deliveries retry {row.ids[0]}, or retry"
            " --failed --since INSTANT for all that were due since then",
        )


# Index: delivery_start. The messages of a day's starts.
UNREACHABLE = text("""
    SELECT count(*) AS messages, mode() WITHIN GROUP (ORDER BY reason) AS mostly
      FROM session_worker.delivery
     WHERE state = 'unreachable' AND starts_at > :since AND starts_at <= :until""")


def check_unreachable(patient: Patient) -> Iterator[Finding]:
    """Messages about sessions of yesterday to tomorrow for which there is no way to the person."""
    span = {"since": patient.now - DAY, "until": patient.now + DAY}
    row = patient.conn.execute(UNREACHABLE, span).one()
    if row.messages:
        yield note(
            "unreachable",
            f"{many(row.messages, 'message')} about a day's sessions had no way to the person,"
            f" mostly: {reason(row.mostly)}",
            "celery -A tasks deliveries --state unreachable lists them",
        )


# Index: receipts are read in the order of their keys, at most as many as tries of KEEP_DAYS.
UNKNOWN_WORDS = text("""
    SELECT count(*) AS receipts,
           (array_agg(DISTINCT channel || ' ' || left(status, 40)))[1\\:5] AS words
      FROM session_worker.receipt WHERE meaning IS NULL AND received_at > :since""")


def check_receipt_words(patient: Patient) -> Iterator[Finding]:
    """Words of a provider's receipts, within a week, that the worker does not know."""
    row = patient.conn.execute(UNKNOWN_WORDS, {"since": patient.now - 7 * DAY}).one()
    if row.receipts:
        yield warning(
            "receipt_words",
            f"{many(row.receipts, 'receipt')} with a word that is not known, so that they changed"
            f" nothing: {', '.join(row.words)}",
            "INSERT the words into session_worker.receipt_word (docs/receipts.md)",
        )
