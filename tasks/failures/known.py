"""Known exceptions, which end a command in one line; all others are errors in the worker's code.

It imports the exceptions of all parts, so it is imported itself only after an error.
"""

from sqlalchemy.exc import DBAPIError

from models.catalog import SiteMismatch
from models.installation import SchemaIsNewer
from models.site import ColumnMissing
from scheduler.expansion.admin.absences import AbsenceRefused
from scheduler.expansion.admin.backfill import BackfillRefused
from scheduler.expansion.admin.preview import NotASeries
from scheduler.expansion.chunk import RowsHeld
from scheduler.reminders.home import WrongDatabase
from scheduler.reminders.id_doubt import WhoseIds
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.reminders.read.preview import NothingToShow
from scheduler.settings import InvalidSetting
from tasks.broker import BROKER_ERRORS, broker_line
from tasks.failures.lines import ExitCode, Failure, is_output_error

# Exceptions of `models` and `scheduler`, which do not know of exit codes; those of `tasks` have an
# `exit_code` of their own.
EXIT_CODES: dict[type[Exception], ExitCode] = {
    InvalidSetting: ExitCode.USAGE,
    BackfillRefused: ExitCode.USAGE,
    NotASeries: ExitCode.USAGE,
    AbsenceRefused: ExitCode.USAGE,
    RowsHeld: ExitCode.PARTLY,
    LedgerRefusal: ExitCode.USAGE,
    NothingToShow: ExitCode.USAGE,
    SiteMismatch: ExitCode.PARTLY,
    WrongDatabase: ExitCode.PARTLY,
    WhoseIds: ExitCode.PARTLY,
    ColumnMissing: ExitCode.PARTLY,
    SchemaIsNewer: ExitCode.PARTLY,
}

SET_UP = "run `celery -A tasks setup`"
AGAIN = "try again, nothing is lost"
RIGHTS = "GRANT the right to the user of DATABASE_URL, or use one that has it"
TEMPORARY = "GRANT TEMPORARY ON its DATABASE to the user of DATABASE_URL"

# PostgreSQL's error codes of which a user can remove the cause, with the cure. Others are errors in
# the worker's code.
CURES = {
    "3F000": SET_UP,  # invalid_schema_name
    "42P01": SET_UP,  # undefined_table
    "42703": SET_UP,  # undefined_column
    "42883": SET_UP,  # undefined_function
    "42501": RIGHTS,  # insufficient_privilege
    "55P03": AGAIN,  # lock_not_available
    "57014": AGAIN,  # query_canceled: statement_timeout
    "40P01": AGAIN,  # deadlock_detected
    # datetime_field_overflow
    "22008": "a date or time out of range: correct it in the site's table",
    "53100": "make room on the server's disk",  # disk_full
}


def failure_of(error: Exception) -> Failure | None:
    """Lines and exit code for a known exception; None for an error in the worker's code, whose
    traceback is to be shown."""
    if isinstance(error, SiteMismatch):
        return Failure(error.problems, EXIT_CODES[SiteMismatch])
    if isinstance(error, DBAPIError):
        return database_failure(error)
    if isinstance(error, BROKER_ERRORS):
        return Failure((broker_line(error),), ExitCode.UNREACHABLE)
    if is_output_error(error):
        line = f"the work is done, but the output cannot be written ({error}): make room."
        return Failure((line,), ExitCode.PARTLY)
    code = getattr(error, "exit_code", None)
    if code is None:
        code = next((EXIT_CODES[kind] for kind in type(error).mro() if kind in EXIT_CODES), None)
    return None if code is None else Failure((str(error),), code)


def database_failure(error: DBAPIError) -> Failure | None:
    cure = CURES.get(getattr(error.orig, "pgcode", None) or "")
    if cure is RIGHTS and "CREATE TEMP " in (error.statement or ""):
        cure = TEMPORARY  # a preview plans in temporary tables too
    words = str(error.orig).partition("\n")[0]
    return Failure((f"PostgreSQL says: {words}: {cure}.",), ExitCode.PARTLY) if cure else None
