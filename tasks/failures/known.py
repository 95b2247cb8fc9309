"""Known exceptions: those that end a command in one line; all others are mistakes of the worker.

Imported when something went wrong, and not before: it knows every part's exceptions.
"""

from sqlalchemy.exc import DBAPIError

from models.catalog import SiteMismatch
from models.installation import SchemaIsNewer
from models.site import ColumnMissing
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

# Those of `models` and `scheduler`, which know nothing of commands; an exception of `tasks` has its
# own `exit_code`.
EXIT_CODES: dict[type[Exception], ExitCode] = {
    InvalidSetting: ExitCode.USAGE,
    BackfillRefused: ExitCode.USAGE,
    NotASeries: ExitCode.USAGE,
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
AGAIN = "another try may pass, nothing is lost"
RIGHTS = "GRANT the right to the user of DATABASE_URL, or take a user that has it"
TEMPORARY = "GRANT TEMPORARY ON its DATABASE to the user of DATABASE_URL"

# PostgreSQL's error codes that a user can mend, and how. The others are the worker's own mistakes.
CURES = {
    "3F000": SET_UP,  # invalid_schema_name
    "42P01": SET_UP,  # undefined_table
    "42703": SET_UP,  # undefined_column
    "42883": SET_UP,  # undefined_function
    "42501": RIGHTS,  # insufficient_privilege
    "55P03": AGAIN,  # lock_not_available
    "57014": AGAIN,  # query_canceled: the statement's time was up
    "40P01": AGAIN,  # deadlock_detected
    # datetime_field_overflow
    "22008": "a row of the site's has a date or time beyond all reckoning: mend it there",
    "53100": "make room on the server's disk",  # disk_full
}


def failure_of(error: Exception) -> Failure | None:
    """How a command ends by this error; None for a mistake of the worker, to be seen in full."""
    if isinstance(error, SiteMismatch):
        return Failure(error.problems, EXIT_CODES[SiteMismatch])
    if isinstance(error, DBAPIError):
        return database_failure(error)
    if isinstance(error, BROKER_ERRORS):
        return Failure((broker_line(error),), ExitCode.UNREACHABLE)
    if is_output_error(error):
        line = f"the output cannot be written ({error}), what was to be done is done: make room."
        return Failure((line,), ExitCode.PARTLY)
    code = getattr(error, "exit_code", None)
    if code is None:
        code = next((EXIT_CODES[kind] for kind in type(error).mro() if kind in EXIT_CODES), None)
    return None if code is None else Failure((str(error),), code)


def database_failure(error: DBAPIError) -> Failure | None:
    cure = CURES.get(getattr(error.orig, "pgcode", None) or "")
    if cure is RIGHTS and "CREATE TEMP " in (error.statement or ""):
        cure = TEMPORARY  # to look at a rule is to reckon, in temporary tables
    words = str(error.orig).partition("\n")[0]
    return Failure((f"PostgreSQL says: {words}: {cure}.",), ExitCode.PARTLY) if cure else None
