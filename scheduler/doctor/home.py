"""Checks that this is the ledger's own database, at the migration that this worker needs."""

from collections.abc import Collection, Iterator

from sqlalchemy import Connection

from models.installation import (
    Home,
    Recorded,
    SchemaIsNewer,
    Whereabouts,
    addresses_of,
    home_of,
    in_words,
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
    """The schema is missing, newer or older than this worker. Other checks need it to be right."""
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
    """This database is not the ledger's own, or was restored to an earlier moment."""
    recorded, here = recorded_home(patient.conn), home_of(patient.conn)
    match whereabouts(patient.conn):
        case Whereabouts.HOME:
            return
        case Whereabouts.REWOUND:
            yield warning("timeline", moved(recorded, here), REWOUND_CURE)
        case Whereabouts.OTHER_ADDRESS:
            detail = reached_otherwise(recorded, addresses_of(patient.conn))
            yield error("wrong_database", f"{detail}: nothing is sent from here", ADOPT)
        case Whereabouts.ELSEWHERE:
            yield error("wrong_database", f"{moved(recorded, here)}: nothing is sent", ADOPT)


def moved(recorded: Recorded | None, here: Home) -> str:
    if recorded is None:
        return "nothing says whose ledger this is"
    home = recorded.home
    if home.database_name != here.database_name:
        return (
            f"the ledger was set up in the database {home.database_name}, and this is"
            f" {here.database_name}: a copy"
        )
    if home.system_identifier != here.system_identifier:
        return "the ledger was set up on another server: this is a copy, or was restored from one"
    if home.objects != here.objects:
        return (
            "the ledger was restored here from a dump, or another database took this one's name:"
            " what was sent since may not be in it"
        )
    return (
        f"the server was restored or promoted (timeline {home.timeline} → {here.timeline}):"
        " what was sent since may not be in this ledger"
    )


def reached_otherwise(recorded: Recorded | None, addresses: Collection[str]) -> str:
    known = in_words(recorded.addresses) if recorded else ""
    return (
        f"the ledger's worker reaches it at {known}, and this is {in_words(addresses)}: a data"
        " folder that was copied, a server that has moved, or another way to the same one"
    )
