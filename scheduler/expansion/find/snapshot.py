"""Snapshot of the last expansion that found no work. While it still matches, the scan is skipped.

Reading every row for its content takes a tenth of the time of making them all; seeing that no row
is new and none is gone, a hundredth (docs/decisions/0007, which says why this is exact).
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

# What a look reads, and what its report does.
SITE_TABLES = (
    "tutor_sessions", "tutor_students", "tutor_profiles", "student_profiles", "users",
)  # fmt: skip
OWN_TABLES = "session_worker.series", "session_worker.occurrence", "session_worker.finding"
WATCHED = (*SITE_TABLES, *OWN_TABLES)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The rows of the watched tables, told apart from any others: `tables` has, by name, its oid,
    its file, how many rows a snapshot saw, and a digest of those written by transactions that are
    not older than `oldest`, the oldest that was running when the look began at `at`."""

    at: datetime
    oldest: int
    tables: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`counts`: {"series": …, "occurrences": …}, by state, and {"seemingly": {"rows": …}}: how
    many sessions look as if they carried a rule. `seemingly`: the newest of those."""

    counts: Mapping[str, dict[str, int]]
    seemingly: Sequence[int]


# Anything but a plain table on PostgreSQL's own heap may show other rows without a row being new:
# views, partitions, children, foreign tables, and what row security lets us see. Where nothing can
# be written (a standby, a role of little right, a schema not set up anew) nothing is remembered.
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
    """A hash of all that the answer depends on beside the rows: the statements themselves, what
    they are asked about, the site's columns, the settings, which database this is, and the
    migration, as a function of ours may have changed.

    None where a change of rows cannot be told.
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


# A look is exact for as long as its rows stand; that it is renewed is for what nobody thought of.
RECALL = text("""
    SELECT looked_at, oldest, tables, counts, seemingly FROM session_worker.last_look
     WHERE question = :question AND looked_at BETWEEN now() - interval '1 hour' AND now()
       AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint - oldest
           BETWEEN 0 AND 2000000000""")


def recall(conn: Connection, question: str | None, as_of: datetime) -> Snapshot | None:
    """The last look, if everything it saw still stands and no series waits for its next try at
    `as_of`. Reads only."""
    if question is None:
        return None
    conn.execute(NO_COMPILING)
    row = conn.execute(RECALL, {"question": question}).one_or_none()
    if row is None or any_due(conn, as_of) or _tables_now(conn, row.oldest) != row.tables:
        return None
    return Snapshot(row.counts, row.seemingly)


# Counting is over before PostgreSQL's compiler would be done with it.
NO_COMPILING = text("SET LOCAL jit = off")
BEGAN = text("SELECT now() AS at, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest")


def take_fingerprint(conn: Connection) -> Fingerprint:
    """What the transaction's snapshot sees: it has to be repeatable read."""
    began: Row[tuple[datetime, int]] = conn.execute(BEGAN).one()
    return Fingerprint(began.at, began.oldest, _tables_now(conn, began.oldest))


# One statement, so one snapshot. Whatever is visible and was written by a transaction older than
# `oldest` was visible to the look as well: `count` then tells whether one of those is gone. The
# others are few, mostly none, and told by place and transaction. Ages, as xids wrap around; the age
# of a row that was frozen an age ago may be negative, and it is among the others. A savepoint has
# an xid of its own, which is never older than that of its transaction.
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
    """Keeps what a look saw that found nothing to do; the caller commits."""
    commit_without_flush(conn)  # lost in a crash, the next run looks again
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
