"""Rules → rows of tutor_sessions: planned in sets, written in sets (promises 1 and 2).

Every run compares what stands with what the rules say and writes the difference, so any number of
runs, at once and after any crash, leaves the same rows.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from models.catalog import read_catalog
from scheduler.expansion.attention import Attention, look_at_rules
from scheduler.expansion.chunk import Outcome, expand_or_halve, take_turn
from scheduler.expansion.report import ExpansionReport, Written, make_report
from scheduler.expansion.span import Span
from scheduler.expansion.standing import look_at_rows, record_rows
from scheduler.settings import Settings

CHUNK = 2_000  # series in one transaction: flat memory, short turns
PASSES = 10  # what one pass frees, the next fills: mostly one, more where rows queue up

__all__ = ["ExpansionReport", "expand"]


def expand(engine: Engine, settings: Settings, as_of: datetime) -> ExpansionReport:
    """Fills the dates from today to EXPAND_DAYS ahead, as seen at `as_of` (aware).

    Raises SiteMismatch where the database is not the site's. Series that fail are in the report's
    `failed`; the others are done.
    """
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
    outcome, done = Outcome(), list[int]()
    for _ in range(PASSES):
        seen = _look(engine, span)
        failed = {one.anchor_id for one in outcome.failed}
        ids = [one for one in seen.work if one not in failed]
        if not ids:
            break
        this_pass = expand_ids(engine, span, ids)
        outcome += this_pass
        if not this_pass.again or (ids == done and this_pass.written == Written()):
            break
        done = ids
    with engine.connect() as conn:
        return make_report(conn, span, seen.seemingly, outcome.written, outcome.failed)


def _look(engine: Engine, span: Span) -> Attention:
    with engine.connect() as conn:
        changed = look_at_rows(conn, span).changed
    if changed:
        with engine.begin() as conn:
            take_turn(conn)
            record_rows(conn, span)
    with engine.connect() as conn:
        return look_at_rules(conn, span)


def expand_ids(engine: Engine, span: Span, ids: Sequence[int]) -> Outcome:
    """Expands these anchors in committed chunks."""
    outcome = Outcome()
    for start in range(0, len(ids), CHUNK):
        with engine.begin() as conn:
            outcome += expand_or_halve(conn, span, ids[start : start + CHUNK])
    return outcome
