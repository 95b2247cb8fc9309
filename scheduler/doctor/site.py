"""Checks of the worker's rights on the site's tables, of the site's ids, and of a useful index."""

from collections.abc import Iterator

from sqlalchemy import text

from models.rights import grants, missing_rights
from models.taken_ids import taken_ids
from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error, note, warning

MANY_ROWS = 100_000

# PostgreSQL's catalogue. An invalid or partial index does not help.
START_INDEX = text("""
    SELECT c.oid::regclass::text AS table_name, greatest(c.reltuples, 0) AS rows,
           EXISTS (SELECT FROM pg_index i
                     JOIN pg_attribute d ON d.attrelid = c.oid AND d.attname = 'session_date'
                     JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'start_time'
                    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
                      AND i.indkey[0] = d.attnum AND i.indkey[1] = t.attnum) AS indexed
      FROM pg_class c WHERE c.oid = to_regclass('tutor_sessions')""")


HIDING_TABLES = text("""
    SELECT c.oid::regclass::text FROM unnest(CAST(:tables AS text[])) AS site(name)
      JOIN pg_class c ON c.oid = to_regclass(quote_ident(site.name))
     WHERE row_security_active(c.oid)
     ORDER BY site.name""")


def check_rights(patient: Patient) -> Iterator[Finding]:
    """Missing rights, without which expansion or messages fail in part or in whole."""
    missing = missing_rights(patient.conn)
    if missing:
        detail = "the user of DATABASE_URL does not have all rights that the worker needs"
        yield error("rights_missing", detail, grants(missing))


def check_ids(patient: Patient) -> Iterator[Finding]:
    """Doubt about whose ids the sessions hold, from the last check; `setup` checks at once."""
    if doubt := taken_ids(patient.conn).doubt:
        detail, _, cure = doubt.partition(": ")
        yield error("whose_ids", f"{detail}: nothing is sent", cure)


def check_row_security(patient: Patient) -> Iterator[Finding]:
    """Row-level security that applies to the worker: a hidden row looks like a deleted one."""
    hiding = patient.conn.scalars(HIDING_TABLES, {"tables": [*patient.catalog.tables]}).all()
    if hiding:
        yield warning(
            "row_security",
            f"row-level security holds for the user of DATABASE_URL on {', '.join(hiding)}:"
            " a row that is hidden looks deleted",
            "give that user BYPASSRLS, or a policy that shows it every row",
        )


def check_start_index(patient: Patient) -> Iterator[Finding]:
    """Missing index on the sessions' start. The worker creates nothing on the site's tables
    (promise 7), so its owner is asked to."""
    row = patient.conn.execute(START_INDEX).one()
    if row.indexed:
        return
    find = warning if row.rows >= MANY_ROWS else note
    yield find(
        "no_start_index",
        f"{row.table_name} has no index on (session_date, start_time): a tick reads it whole",
        "ask the site's owner for CREATE INDEX CONCURRENTLY tutor_sessions_start"
        f" ON {row.table_name} (session_date, start_time)",
    )
