"""Expansion of rules into rows of tutor_sessions, planned and written in sets (promises 1 and 2).

Every run compares the existing rows with what the rules ask for and writes the difference. Any
number of runs, concurrent or after a crash, therefore leaves the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from models.catalog import read_catalog
from scheduler.expansion.chunk import Outcome, expand_chunk, remember_failure
from scheduler.expansion.find.gone_rows import OCCURRENCES, GoneRows, find_gone_rows, record_rows
from scheduler.expansion.find.snapshot import (
    Fingerprint,
    Snapshot,
    question_of,
    recall,
    remember,
    take_fingerprint,
)
from scheduler.expansion.find.work_list import (
    SeeminglyRules,
    WorkList,
    find_changed_rules,
    read_seemingly,
)
from scheduler.expansion.report import (
    STATES,
    ExpansionReport,
    Tell,
    Written,
    count_series,
    read_findings,
    tell_nobody,
)
from scheduler.expansion.span import Span
from scheduler.settings import Settings
from scheduler.turns import wait_expansion_turn

CHUNK = 2_000  # series in one transaction: bounds memory and how long others wait for their turn
PASSES = 10  # a pass fills the places that the one before freed; one is mostly enough

__all__ = ["ExpansionReport", "expand"]


def expand(
    engine: Engine, settings: Settings, as_of: datetime, tell: Tell = tell_nobody
) -> ExpansionReport:
    """Fill the dates from today to EXPAND_DAYS ahead, as seen at `as_of` (aware). `tell` takes the
    number of expanded series after each chunk.

    A series that fails is listed in the report's `failed`; the others are expanded. Raises
    SiteMismatch where the database does not have the site's tables.
    """
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
        question = question_of(conn, span)
        if (last := recall(conn, question, as_of)) is not None:
            newest = read_seemingly(conn, span, last.seemingly)
            seemingly = SeeminglyRules(last.counts["seemingly"]["rows"], newest)
            return _report(conn, span, last.counts, seemingly, Outcome())
    outcome, found = _expand_until_quiet(engine, span, question, tell)
    with engine.begin() as conn:
        if question is not None and found.fingerprint is not None:
            remember(
                conn,
                question,
                found.fingerprint,
                Snapshot(found.counts, [*found.rules.seemingly.newest]),
            )
        return _report(conn, span, found.counts, found.rules.seemingly, outcome)


def _expand_until_quiet(
    engine: Engine, span: Span, question: str | None, tell: Tell
) -> tuple[Outcome, "Found"]:
    """Sum of what all passes did, and what a last search found."""
    outcome, done, again = Outcome(), list[int](), True
    for _ in range(PASSES):
        found = _find_work(engine, span, question)
        failed = {one.anchor_id for one in outcome.failed}
        ids = [one for one in found.rules.work if one not in failed]
        if not (ids and again):
            return outcome, found
        this_pass = expand_ids(engine, span, ids, tell)
        outcome += this_pass
        again = this_pass.again and not (ids == done and this_pass.written == Written())
        done = ids
    return outcome, _find_work(engine, span, question)


@dataclass(frozen=True, slots=True)
class Found:
    """Work found in one snapshot of the database.

    `fingerprint` is None where there is work, or where changes of rows cannot be detected.
    """

    gone_rows: GoneRows
    series: dict[str, int]
    rules: WorkList
    fingerprint: Fingerprint | None

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        return {
            "series": self.series,
            "occurrences": self.gone_rows.counts,
            "seemingly": {"rows": self.rules.seemingly.rows},
        }


def _find_work(engine: Engine, span: Span, question: str | None) -> Found:
    found = _find_work_once(engine, span, question)
    if not found.gone_rows.changed:
        return found
    with engine.begin() as conn:
        wait_expansion_turn(conn)
        record_rows(conn, span)
    return _find_work_once(engine, span, question)


# One snapshot, so that all statements of a search see the database at the same moment.
ONE_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _find_work_once(engine: Engine, span: Span, question: str | None) -> Found:
    with engine.connect() as conn:
        conn.execute(ONE_SNAPSHOT)
        gone_rows, rules = find_gone_rows(conn, span), find_changed_rules(conn, span)
        quiet = not gone_rows.changed and not rules.work
        fingerprint = take_fingerprint(conn) if quiet and question is not None else None
        return Found(gone_rows, count_series(conn), rules, fingerprint)


def _report(
    conn: Connection,
    span: Span,
    counts: Mapping[str, dict[str, int]],
    seemingly: SeeminglyRules,
    outcome: Outcome,
) -> ExpansionReport:
    return ExpansionReport(
        span.as_of,
        {state: counts["series"][state] for state in STATES},  # jsonb does not keep the order
        {state: counts["occurrences"][state] for state in OCCURRENCES},
        outcome.written,
        read_findings(conn, span, seemingly),
        outcome.failed,
    )


def expand_ids(engine: Engine, span: Span, ids: Sequence[int], tell: Tell = tell_nobody) -> Outcome:
    """Expand these anchors, each chunk in a transaction of its own. Returns the sum."""
    outcome, left = Outcome(), list(ids)
    while left:
        chunk, left = left[:CHUNK], left[CHUNK:]
        of_chunk = _expand_together(engine, span, chunk, left)
        outcome += of_chunk
        left = [one for one in left if one not in of_chunk.together]
        tell(len(ids) - len(left), len(ids))
    return outcome


def _expand_together(
    engine: Engine, span: Span, ids: Sequence[int], later: Sequence[int]
) -> Outcome:
    """Expand one chunk in a transaction, together with the series of `later` that its rows are
    entangled with. If it fails, expand its halves."""
    try:
        with engine.begin() as conn:
            return expand_chunk(conn, span, ids, later)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if later:  # the series that failed may be one that was drawn in
            return _expand_together(engine, span, ids, ())
        return _expand_halves(engine, span, ids, error)


def _expand_halves(engine: Engine, span: Span, ids: Sequence[int], error: DBAPIError) -> Outcome:
    """Expand the halves of a chunk that failed, each in a transaction of its own: in a common one,
    each failure would slow down the halves after it."""
    if len(ids) == 1:
        with engine.begin() as conn:
            return remember_failure(conn, span, ids[0], error)
    middle = len(ids) // 2
    first = _expand_together(engine, span, ids[:middle], ())
    return first + _expand_together(engine, span, ids[middle:], ())
