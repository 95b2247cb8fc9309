"""Whether this is the ledger's database, at the migration that this worker wants."""

from collections.abc import Iterator

from sqlalchemy import Connection

from models.installation import (
    Home,
    SchemaIsNewer,
    Whereabouts,
    home_of,
    recorded_home,
    whereabouts,
)
from models.migrations import newest_revision, refuse_newer, revision
from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error, warning

SET_UP = "celery -A tasks setup"
REWOUND_CURE = "the next round holds what may have gone out: `deliveries release|drop --batch`"
ADOPT = "celery -A tasks doctor --adopt-database"


def check_migration(conn: Connection) -> Iterator[Finding]:
    """Without the right schema nothing else of the ledger can be asked."""
    current = revision(conn)
    if current is None:
        yield error("not_set_up", "session_worker is not set up in this database", SET_UP)
        return
    try:
        refuse_newer(conn)
    except SchemaIsNewer as newer:
        yield error("schema_newer", str(newer).partition(":")[0], "install the newer worker")
        return
    if current != newest_revision():
        detail = f"session_worker is at migration {current}, this worker wants {newest_revision()}"
        yield error("schema_older", detail, SET_UP)


def check_home(patient: Patient) -> Iterator[Finding]:
    recorded, here = recorded_home(patient.conn), home_of(patient.conn)
    if recorded == here:
        return
    if whereabouts(patient.conn) is Whereabouts.REWOUND:
        assert recorded is not None  # noqa: S101  # else it were elsewhere
        yield warning("timeline", moved(recorded, here), REWOUND_CURE)
        return
    detail = "nothing says whose ledger this is" if recorded is None else moved(recorded, here)
    yield error("wrong_database", f"{detail}: nothing is sent", ADOPT)


def moved(recorded: Home, here: Home) -> str:
    if recorded.database_name != here.database_name:
        return (
            f"the ledger was set up in the database {recorded.database_name}, and this is"
            f" {here.database_name}: a copy"
        )
    if recorded.system_identifier != here.system_identifier:
        return "the ledger was set up on another server: this is a copy, or was restored from one"
    return (
        f"the server was restored or promoted (timeline {recorded.timeline} → {here.timeline}):"
        " what was sent since may not be in this ledger"
    )
