"""Checks of an installation by its database; each finding has a cure.

Each check is a function that only reads and yields findings. Checks of the broker and the channels
are in `tasks.admin.doctor`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.catalog import SiteCatalog, SiteMismatch, read_catalog
from scheduler.doctor.admin_reached import check_admin
from scheduler.doctor.bot_updates import check_telegram
from scheduler.doctor.enrolments import check_enrolments
from scheduler.doctor.home import check_home, check_migration
from scheduler.doctor.life import check_beats, check_delivery, check_overdue
from scheduler.doctor.open_lessons import check_open_lessons
from scheduler.doctor.patient import Check, Patient
from scheduler.doctor.preferences import check_preferences
from scheduler.doctor.rules import (
    check_alarm_minutes,
    check_conflicts,
    check_dates,
    check_ends,
    check_refused_rules,
    check_rule_findings,
    check_unreadable_rules,
)
from scheduler.doctor.sessions import (
    check_absent_people,
    check_backfills,
    check_deletions,
    check_doubled_sessions,
    check_groups,
    check_resting_series,
    check_rows_behind,
)
from scheduler.doctor.site import check_ids, check_rights, check_row_security, check_start_index
from scheduler.doctor.sms_spent import check_sms_budget
from scheduler.doctor.stuck import (
    check_batches,
    check_deadly,
    check_failed,
    check_receipt_words,
    check_unanswered,
    check_unreachable,
    check_wordless,
)
from scheduler.doctor.switches import (
    check_channels,
    check_gateways,
    check_outbox,
    check_pauses,
    check_troubles,
)
from scheduler.doctor.unread_inbox import check_inbox
from scheduler.doctor.zones import check_zones
from scheduler.finding import Finding, Severity, error
from scheduler.settings import Settings

__all__ = ["Finding", "Severity", "errors_of_database", "examine_database"]

CHECKS: Sequence[Check] = (
    check_home,
    check_rights,
    check_ids,
    check_row_security,
    check_channels,
    check_gateways,
    check_enrolments,
    check_outbox,
    check_inbox,
    check_sms_budget,
    check_pauses,
    check_troubles,
    check_beats,
    check_delivery,
    check_overdue,
    check_open_lessons,
    check_admin,
    check_batches,
    check_unanswered,
    check_deadly,
    check_wordless,
    check_failed,
    check_unreachable,
    check_receipt_words,
    check_refused_rules,
    check_unreadable_rules,
    check_rows_behind,
    check_backfills,
    check_resting_series,
    check_deletions,
    check_doubled_sessions,
    check_absent_people,
    check_groups,
    check_conflicts,
    check_rule_findings,
    check_alarm_minutes,
    check_ends,
    check_dates,
    check_preferences,
    check_telegram,
    check_zones,
    check_start_index,
)

# Those that may find an error. They are run each minute for ADMIN, so each has to be cheap at any
# size of the site; a test compares the list with the checks' sources.
URGENT: Sequence[Check] = (
    check_home,
    check_rights,
    check_ids,
    check_channels,
    check_enrolments,
    check_troubles,
    check_beats,
    check_delivery,
    check_overdue,
    check_batches,
    check_deadly,
    check_wordless,
    check_refused_rules,
    check_rows_behind,
    check_backfills,
    check_zones,
)


def examine_database(conn: Connection, settings: Settings, now: datetime) -> list[Finding]:
    """Findings of all checks of the database. Reads only; `now` is aware.

    Where the site's tables or the worker's schema are missing, checks that need them are left out.
    """
    return findings_of(CHECKS, conn, settings, now)


def errors_of_database(conn: Connection, settings: Settings, now: datetime) -> list[Finding]:
    """Only what is an error, by the checks that may find one."""
    found = findings_of(URGENT, conn, settings, now)
    return [each for each in found if each.severity is Severity.ERROR]


def findings_of(
    checks: Sequence[Check], conn: Connection, settings: Settings, now: datetime
) -> list[Finding]:
    found = [*check_migration(conn)]
    catalog = catalog_or_problems(conn)
    if not isinstance(catalog, SiteCatalog):
        return found + catalog
    patient = Patient(conn, catalog, settings, now)
    return found + ([] if found else [each for check in checks for each in careful(check, patient)])


def catalog_or_problems(conn: Connection) -> SiteCatalog | list[Finding]:
    """The site's columns, or a finding for each table or column that is missing or unfit."""
    try:
        return read_catalog(conn)
    except SiteMismatch as mismatch:
        return [
            error("site_mismatch", *line.split(": ", 1))  # "what is missing: what to do"
            for line in mismatch.problems
        ]


def careful(check: Check, patient: Patient) -> Iterator[Finding]:
    """The check's findings; an error of PostgreSQL becomes the finding `check_failed`."""
    name = check.__name__.removeprefix("check_").replace("_", " ")
    try:
        with patient.conn.begin_nested():
            yield from check(patient)
    except DBAPIError as refused:
        if refused.connection_invalidated:
            raise
        words = str(refused.orig).partition("\n")[0]
        yield error("check_failed", f"{name} cannot be checked: {words}", CHECK_RIGHTS)


CHECK_RIGHTS = "see that the user of DATABASE_URL may read the site's tables and session_worker"
