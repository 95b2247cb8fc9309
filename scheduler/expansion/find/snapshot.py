"""Snapshot of the last expansion that found no work. If it still matches, the scan is skipped.

Reading the content of every row takes a tenth of the time of making them all; checking that no row
is new and none is gone takes a hundredth (docs/decisions/0007, which shows that this is exact).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, Row, text

from models.installation import home_of
from scheduler.expansion.find.gone_rows import QUESTIONS_ABOUT_ROWS
from scheduler.expansion.find.retries import any_due
from scheduler.expansion.find.work_list import questions_about_rules
from scheduler.expansion.span import Span
from scheduler.turns import commit_without_flush

# The tables that the scan and its report read.
SITE_TABLES = (
    "tutor_sessions", "tutor_students", "tutor_profiles", "student_profiles", "users",
)  # fmt: skip
OWN_TABLES = (
    "session_worker.series", "session_worker.occurrence", "session_worker.finding",
    "session_worker.absence",
)  # fmt: skip
WATCHED = (*SITE_TABLES, *OWN_TABLES)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identity of the rows of the watched tables at `at`.

    `tables`: by name, its oid, its file node, the number of visible rows, and a digest of the rows
    written by transactions not older than `oldest`. `oldest` is the 64-bit id of the oldest
    transaction that was running at `at`.
    """

    at: datetime
    oldest: int
    tables: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Result of a scan that found no work.

    `counts`: {"series": …, "occurrences": …} by state, and {"seemingly": {"rows": …}}, the number
    of sessions that look as if they carried a rule. `seemingly`: the ids of the newest of those.
    """

    counts: Mapping[str, dict[str, int]]
    seemingly: Sequence[int]


# The fingerprint is exact only for plain heap tables. Views, partitions, inherited and foreign
# tables, and tables with row security may show other rows without a row being new. Where nothing
# can be written (a standby, missing rights, an outdated schema) no snapshot is stored either.
CIRCUMSTANCES = text("""
    SELECT (SELECT count(*) FROM unnest(CAST(:tables AS text[])) AS watched(name)
              JOIN pg_class c ON c.oid = to_regclass(watched.name)
              JOIN pg_am a ON a.oid = c.relam AND a.amname = 'heap'
             WHERE c.relkind = 'r' AND NOT c.relhassubclass AND NOT c.relrowsecurity)
           = cardinality(CAST(:tables AS text[]))
           AND current_setting('transaction_read_only') = 'off'
           AND (SELECT coalesce(bool_and(has_table_privilege(last_look, may)), false)
                  FROM to_regclass('session_worker.last_look') AS last_look,
                       unnest('{SELECT, INSERT, UPDATE}'::text[]) AS may) AS can_tell,
           current_setting('server_version') AS server,
           (SELECT max(version_num) FROM session_worker.migration) AS migration""")


def question_of(conn: Connection, span: Span) -> str | None:
    """Hash of all that the result of a scan depends on, except the rows.

    It covers the statements and their parameters, the site's columns, the settings, the identity of
    the database and its migration (SQL functions may change with it). None where a change of rows
    cannot be detected.
    """
    around = conn.execute(CIRCUMSTANCES, {"tables": list(WATCHED)}).one()
    if not around.can_tell:
        return None
    bearing = (
        around.server, around.migration, home_of(conn), span.catalog, span.context, span.today,
        span.first, span.last, span.settings.default_duration_minutes,
        QUESTIONS_ABOUT_ROWS, questions_about_rules(span),
    )  # fmt: skip
    return sha256(repr(bearing).encode()).hexdigest()


# A snapshot is exact while the fingerprint matches. The limit of an hour is a safety net for
# causes that nobody thought of.
RECALL = text("""
    SELECT looked_at, oldest, tables, counts, seemingly FROM session_worker.last_look
     WHERE question = :question AND looked_at BETWEEN now() - interval '1 hour' AND now()
       AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint - oldest
           BETWEEN 0 AND 2000000000""")


def recall(conn: Connection, question: str | None, as_of: datetime) -> Snapshot | None:
    """The stored snapshot if it still matches and no refused series is due at `as_of`, else None.

    `question` is `question_of`'s; None gives None. Reads only.
    """
    if question is None:
        return None
    row = conn.execute(RECALL, {"question": question}).one_or_none()
    if row is None or any_due(conn, as_of) or _tables_now(conn, row.oldest) != row.tables:
        return None
    return Snapshot(row.counts, row.seemingly)


BEGAN = text("SELECT now() AS at, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest")


def take_fingerprint(conn: Connection) -> Fingerprint:
    """Fingerprint of the rows visible to the transaction, which must be REPEATABLE READ."""
    began: Row[tuple[datetime, int]] = conn.execute(BEGAN).one()
    return Fingerprint(began.at, began.oldest, _tables_now(conn, began.oldest))


# One statement, so one snapshot. A visible row that was written by a transaction older than
# `oldest` was visible to the earlier scan too, so `count` shows if one of those is gone. The other
# rows are few, mostly none; the digest covers their place (ctid) and transaction (xmin). Ages are
# compared, as xids wrap around; a row frozen long ago may have a negative age and then counts as
# one of the others. A savepoint has an xid of its own, never older than its transaction's.
ROWS = """
    SELECT '{table}' AS name, CAST(CAST('{table}' AS regclass) AS oid)::bigint AS oid,
           pg_relation_filenode('{table}')::bigint AS file, count(*) AS rows,
           coalesce(bit_xor(hashtidextended(t.ctid, t.xmin::text::bigint))
                    FILTER (WHERE age(t.xmin) <= (SELECT age(CAST(:oldest AS text)::xid))), 0)
           AS digest
      FROM {table} t"""
TABLES_NOW = text(" UNION ALL ".join(ROWS.format(table=table) for table in WATCHED))


def _tables_now(conn: Connection, oldest: int) -> dict[str, list[int]]:
    rows = conn.execute(TABLES_NOW, {"oldest": str(oldest % 2**32)})
    return {row.name: [row.oid, row.file, row.rows, row.digest] for row in rows}


REMEMBER = text("""
    INSERT INTO session_worker.last_look
           (question, looked_at, oldest, tables, counts, seemingly)
    VALUES (:question, :at, :oldest, CAST(:tables AS jsonb), CAST(:counts AS jsonb), :seemingly)
        ON CONFLICT (one) DO UPDATE
       SET question = excluded.question, looked_at = excluded.looked_at,
           oldest = excluded.oldest, tables = excluded.tables, counts = excluded.counts,
           seemingly = excluded.seemingly""")


def remember(conn: Connection, question: str, fingerprint: Fingerprint, found: Snapshot) -> None:
    """Store the snapshot of a scan that found no work; the caller commits."""
    commit_without_flush(conn)  # if a crash loses it, the next run scans again
    conn.execute(
        REMEMBER,
        {
            "question": question,
            "at": fingerprint.at,
            "oldest": fingerprint.oldest,
            "tables": json.dumps(fingerprint.tables),
            "counts": json.dumps(found.counts),
            "seemingly": list(found.seemingly),
        },
    )
