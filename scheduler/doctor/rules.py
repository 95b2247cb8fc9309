"""Checks for rules that cannot be read or filled, and for rows with impossible values."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from scheduler.doctor.patient import Patient, some
from scheduler.finding import Finding, error, note, warning
from scheduler.message import LONGEST_ALARM
from scheduler.rules.values import FIRST_DAY, LAST_DAY
from scheduler.words import many

# One row for each rule, so small beside tutor_sessions.
UNREADABLE = text("""
    SELECT count(*) AS rules, (array_agg(anchor_id ORDER BY anchor_id))[1\\:5] AS ids
      FROM session_worker.series WHERE state = 'unreadable'""")


def check_unreadable_rules(patient: Patient) -> Iterator[Finding]:
    """Rules that cannot be read, so that no rows are made."""
    row = patient.conn.execute(UNREADABLE).one()
    if row.rules:
        yield warning(
            "unreadable_rules",
            f"{many(row.rules, 'rule')} cannot be read, so no rows are made: sessions"
            f" {some(row.ids, row.rules)}",
            f"celery -A tasks preview {row.ids[0]} says why; correct the row on the site",
        )


# Index: primary key of tutor_sessions.
NOT_EXPANDED = text("""
    SELECT count(*) AS rules, (array_agg(session_id ORDER BY session_id))[1\\:5] AS ids,
           mode() WITHIN GROUP (ORDER BY detail) AS mostly
      FROM session_worker.finding f
     WHERE code = 'not_expanded'
       AND EXISTS (SELECT FROM tutor_sessions t WHERE t.id = f.session_id AND t.is_recurring)""")


def check_refused_rules(patient: Patient) -> Iterator[Finding]:
    """Rules whose rows are refused by the site's constraints, or for missing rights."""
    row = patient.conn.execute(NOT_EXPANDED).one()
    if row.rules:
        yield error(
            "not_expanded",
            f"{many(row.rules, 'rule')} cannot be expanded, so no rows are made: sessions"
            f" {some(row.ids, row.rules)}: {row.mostly}",
            "correct what PostgreSQL refuses; celery -A tasks expand tries again",
        )


FINDINGS = text("""
    SELECT count(*) AS findings, count(DISTINCT session_id) AS sessions,
           mode() WITHIN GROUP (ORDER BY code) AS mostly
      FROM session_worker.finding WHERE code <> 'not_expanded'""")


def check_rule_findings(patient: Patient) -> Iterator[Finding]:
    """Findings that expansion recorded about rules."""
    row = patient.conn.execute(FINDINGS).one()
    if row.findings:
        yield note(
            "rule_findings",
            f"{many(row.findings, 'finding')} on the rules of {many(row.sessions, 'session')},"
            f" mostly {row.mostly}",
            "celery -A tasks expand lists them",
        )


# Index: occurrence_open.
CONFLICTS = text("""
    SELECT count(*) AS dates, count(DISTINCT anchor_id) AS rules, min(anchor_id) AS first
      FROM session_worker.occurrence WHERE state = 'conflict' AND occurs_on >= :today""")


def check_conflicts(patient: Patient) -> Iterator[Finding]:
    """Coming dates that have no row because another session is in the way."""
    row = patient.conn.execute(CONFLICTS, {"today": patient.today}).one()
    if row.dates:
        yield warning(
            "conflicts",
            f"{many(row.dates, 'date')} of {many(row.rules, 'rule')} have no row: another session"
            " is in the way",
            f"celery -A tasks series counts them, celery -A tasks preview {row.first} names them",
        )


# Index: (session_date, start_time) of tutor_sessions where there is one.
COMING = """
    SELECT count(*) AS rows, (array_agg(s.id ORDER BY s.id))[1\\:5] AS ids
      FROM tutor_sessions s WHERE s.session_date >= :today AND {odd}"""


def check_alarm_minutes(patient: Patient) -> Iterator[Finding]:
    """Coming sessions with an alarm_before_minutes out of range, for which 15 minutes are used."""
    if not patient.catalog.has("tutor_sessions", "alarm_before_minutes"):
        return
    odd = "s.alarm_enabled AND s.alarm_before_minutes NOT BETWEEN 0 AND :longest"
    limits = {"today": patient.today, "longest": LONGEST_ALARM // timedelta(minutes=1)}
    row = patient.conn.execute(text(COMING.format(odd=odd)), limits).one()
    if row.rows:
        yield note(
            "alarm_before_minutes",
            f"{many(row.rows, 'coming session')} with alarm_before_minutes below 0 or above"
            f" {LONGEST_ALARM.days} days: {some(row.ids, row.rows)}",
            "15 minutes are used instead; correct the rows on the site",
        )


END_BEFORE_START = """s.end_time <= s.start_time
       AND s.end_time - s.start_time + interval '24 hours' > interval '12 hours'"""


def check_ends(patient: Patient) -> Iterator[Finding]:
    """Coming sessions that end before they start, for which the duration is used."""
    statement = text(COMING.format(odd=END_BEFORE_START))
    row = patient.conn.execute(statement, {"today": patient.today}).one()
    if row.rows:
        yield note(
            "end_before_start",
            f"{many(row.rows, 'coming session')} with an end before the start:"
            f" {some(row.ids, row.rows)}",
            "the duration is used instead; correct the rows on the site",
        )


# Index: (session_date, start_time) of tutor_sessions where there is one.
OUT_OF_RANGE = text("""
    SELECT count(*) AS rows, (array_agg(id ORDER BY id))[1\\:5] AS ids
      FROM tutor_sessions WHERE session_date < :first OR session_date > :last""")


def check_dates(patient: Patient) -> Iterator[Finding]:
    """Sessions with a date out of range. They are left alone, and no messages are sent."""
    row = patient.conn.execute(OUT_OF_RANGE, {"first": FIRST_DAY, "last": LAST_DAY}).one()
    if row.rows:
        yield warning(
            "date_out_of_range",
            f"{many(row.rows, 'session')} with a date before {FIRST_DAY} or after {LAST_DAY}:"
            f" {some(row.ids, row.rows)}",
            "correct session_date in the site's table",
        )
