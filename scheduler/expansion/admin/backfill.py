"""Backfill of any span of dates that an admin names, in committed chunks (design, "Commands").

A backfill and its chunks are rows of session_worker. A worker takes the lowest pending chunk, fills
it and marks it done in one transaction, so a crash leaves whole chunks to do, never half of one.
Chunks are taken in the order of their anchors' ids, so rules that collide are decided as in a
single run.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, text

from models.catalog import read_catalog
from scheduler.expansion.admin import chunk_tries
from scheduler.expansion.chunk import decide, expand_or_halve
from scheduler.expansion.find.gone_rows import OCCURRENCES
from scheduler.expansion.report import Failure, Written, count_occurrences
from scheduler.expansion.span import Purpose, Span
from scheduler.settings import Settings

logger = logging.getLogger(__name__)

CHUNK = 500  # series in a chunk: about a second, so progress shows and a kill loses little work
LONGEST_SPAN_DAYS = 3_660


class BackfillRefused(Exception):
    """Dates, a session or a backfill that cannot be filled. The message is one line with a cure."""


class Deleted(StrEnum):
    """Treatment of dates whose rows a person deleted."""

    STAY = "stay"
    REFILL = "refill"


@dataclass(frozen=True, slots=True)
class Extent:
    """Dates to fill, from `first` to `last` inclusive: of all series, one tutor's, or one."""

    first: date
    last: date
    tutor_id: int | None = None
    session_id: int | None = None
    deleted: Deleted = Deleted.STAY

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BackfillRefused(f"{self.first} is after {self.last}: write FROM before UNTIL.")
        if (self.last - self.first).days >= LONGEST_SPAN_DAYS:
            raise BackfillRefused(
                f"{self.first} to {self.last} is more than {LONGEST_SPAN_DAYS} days:"
                " fill it in parts."
            )


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """Counts of what a backfill wrote, or would write.

    `id` is None for a dry run. `digest` is a hash of the rows to make: a run that is given the
    digest of a dry run refuses to make anything else.
    """

    id: int | None
    extent: Extent
    digest: str
    occurrences: dict[str, int]
    rows: Written
    failed: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of a backfill's chunks by state."""

    total: int
    done: int
    failed: int

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed


def rehearse(engine: Engine, settings: Settings, as_of: datetime, extent: Extent) -> BackfillReport:
    """Report of what a backfill would write, decided in one transaction that is rolled back.

    No row of the site's is written and no sequence value taken. Raises BackfillRefused where a
    named session carries no rule.
    """
    with engine.connect() as conn:
        span = _span(conn, settings, as_of, extent)
        decide(conn, span, _anchors(conn, extent))
        counts = dict.fromkeys(OCCURRENCES, 0) | dict(conn.execute(WOULD_STAND).all())
        digest = conn.scalars(text(_digest(span))).one()
        inserted = conn.scalars(WOULD_INSERT).one()
        standing = count_occurrences(conn, extent.first, extent.last)
        conn.rollback()
    occurrences = {state: standing[state] + counts[state] for state in OCCURRENCES}
    return BackfillReport(None, extent, digest, occurrences, Written(inserted), ())


# Verdicts on dates without a record; dates with one are counted from the records.
WOULD_STAND = text("""
    SELECT CASE c.verdict WHEN 'place' THEN 'created' ELSE c.verdict END, count(*)
      FROM sw_candidate c
     WHERE c.kind = 'insert' AND NOT EXISTS (
           SELECT FROM session_worker.occurrence o
            WHERE o.anchor_id = c.anchor_id AND o.occurs_on = c.occurs_on)
     GROUP BY 1""")
WOULD_INSERT = text("SELECT count(*) FROM sw_candidate WHERE kind = 'insert' AND verdict = 'place'")


def _digest(span: Span) -> str:
    """Hash of all that would be written: each series' dates and the values of its rows."""
    return f"""
    SELECT left(encode(sha256(coalesce(string_agg(
               concat_ws(' ', c.anchor_id, c.days, {span.columns.target("a")}), E'\\n'
               ORDER BY c.anchor_id), '')::bytea), 'hex'), 16)
      FROM (SELECT anchor_id, string_agg(occurs_on::text, ' ' ORDER BY occurs_on) AS days
              FROM sw_candidate WHERE kind = 'insert' AND verdict = 'place' GROUP BY 1) c
      JOIN sw_anchor a ON a.id = c.anchor_id"""


def begin_backfill(conn: Connection, extent: Extent) -> int:
    """Record a backfill and its chunks; the caller commits. Returns its id.

    Raises BackfillRefused where a named session carries no rule.
    """
    anchors = _anchors(conn, extent)
    backfill_id: int = conn.scalars(
        BEGIN,
        {
            "first": extent.first,
            "last": extent.last,
            "tutor": extent.tutor_id,
            "session": extent.session_id,
            "deleted": extent.deleted.value,
        },
    ).one()
    chunks = [anchors[start : start + CHUNK] for start in range(0, len(anchors), CHUNK)]
    if chunks:
        conn.execute(
            ADD_CHUNK,
            [{"id": backfill_id, "first": one[0], "last": one[-1]} for one in chunks],
        )
    return backfill_id


BEGIN = text("""
    INSERT INTO session_worker.backfill (from_date, until_date, tutor_id, session_id, deleted)
    VALUES (:first, :last, :tutor, :session, :deleted) RETURNING id""")
ADD_CHUNK = text("""
    INSERT INTO session_worker.backfill_chunk (backfill_id, first_anchor, last_anchor)
    VALUES (:id, :first, :last)""")


# The backfill's row is locked while a chunk is filled, which takes seconds. The wait for it may be
# longer than the wait for rows of the site's.
WAIT_LONGER = text("""
    SELECT set_config('session_worker.lock_timeout', current_setting('lock_timeout'), true),
           set_config('lock_timeout', '240s', true)""")
LOCK = text("SELECT stopped_at FROM session_worker.backfill WHERE id = :id FOR UPDATE")
WAIT_AS_BEFORE = text("""
    SELECT set_config('lock_timeout', current_setting('session_worker.lock_timeout'), true)""")


def _take_turn(conn: Connection, backfill_id: int) -> Row[tuple[datetime | None]] | None:
    """Lock and return the backfill's row; filling and stopping a backfill take turns at it."""
    conn.execute(WAIT_LONGER)
    row = conn.execute(LOCK, {"id": backfill_id}).one_or_none()
    conn.execute(WAIT_AS_BEFORE)
    return row


def stop_backfill(conn: Connection, backfill_id: int) -> None:
    """Stop a backfill: no further chunk is taken until it is resumed. The caller commits."""
    _take_turn(conn, backfill_id)
    conn.execute(STOP, {"id": backfill_id})


STOP = text("""
    UPDATE session_worker.backfill SET stopped_at = now()
     WHERE id = :id AND finished_at IS NULL AND stopped_at IS NULL""")


def resume_backfill(conn: Connection, backfill_id: int) -> Extent:
    """Resume a stopped backfill and set its failed chunks to pending. The caller commits.

    Returns what it fills. Raises BackfillRefused where there is no such backfill.
    """
    _take_turn(conn, backfill_id)
    extent = read_extent(conn, backfill_id)
    conn.execute(RESUME, {"id": backfill_id})
    conn.execute(RETRY_FAILED, {"id": backfill_id})
    return extent


RESUME = text("""
    UPDATE session_worker.backfill SET stopped_at = NULL, finished_at = NULL WHERE id = :id""")


def left_behind(conn: Connection) -> list[int]:
    """Ids of backfills that are unfinished, not stopped, and not being filled at this moment.

    Their Celery messages may have been lost. A backfill that is being filled is left out, as it
    must not get a second chain of messages.
    """
    return list(conn.scalars(LEFT_BEHIND))


LEFT_BEHIND = text("""
    SELECT id FROM session_worker.backfill
     WHERE finished_at IS NULL AND stopped_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED""")


def read_extent(conn: Connection, backfill_id: int) -> Extent:
    row = conn.execute(READ, {"id": backfill_id}).one_or_none()
    if row is None:
        raise BackfillRefused(
            f"there is no backfill {backfill_id}: give the id that `backfill` printed."
        )
    deleted = Deleted(row.deleted)
    return Extent(row.from_date, row.until_date, row.tutor_id, row.session_id, deleted)


READ = text("""
    SELECT from_date, until_date, tutor_id, session_id, deleted
      FROM session_worker.backfill WHERE id = :id""")
RETRY_FAILED = text("""
    UPDATE session_worker.backfill_chunk SET state = 'pending', error = NULL
     WHERE backfill_id = :id AND state = 'failed'""")


def fill_next_chunk(engine: Engine, settings: Settings, as_of: datetime, backfill_id: int) -> bool:
    """Fill the lowest pending chunk and commit. Returns False where none is left.

    Concurrent calls take turns at the row of the backfill, so that chunks are filled in order.
    Raises BackfillRefused where there is no such backfill.
    """
    with engine.begin() as conn:
        turn = _take_turn(conn, backfill_id)
        if turn is None:
            raise BackfillRefused(f"there is no backfill {backfill_id}.")
        if turn.stopped_at is not None:
            return False
        chunk = conn.execute(NEXT_CHUNK, {"id": backfill_id}).one_or_none()
        if chunk is None:
            conn.execute(FINISH, {"id": backfill_id})
            return False
        if chunk_tries.begin_try(engine, backfill_id, chunk.first_anchor):
            with chunk_tries.living(engine, backfill_id, chunk.first_anchor):
                extent = read_extent(conn, backfill_id)
                anchors = _read_anchors(conn, extent, chunk.first_anchor, chunk.last_anchor)
                outcome = expand_or_halve(conn, _span(conn, settings, as_of, extent), anchors)
            _mark(conn, backfill_id, chunk.first_anchor, outcome.written, outcome.failed)
        else:
            given_up = Failure(chunk.first_anchor, chunk_tries.GIVEN_UP)
            _mark(conn, backfill_id, chunk.first_anchor, Written(), [given_up])
            logger.error("Backfill %s, series from %s on: %s.", backfill_id, *astuple(given_up))
    return True


def _mark(
    conn: Connection,
    backfill_id: int,
    first_anchor: int,
    written: Written,
    failed: Sequence[Failure],
) -> None:
    conn.execute(
        MARK_CHUNK,
        {
            "id": backfill_id,
            "first": first_anchor,
            "state": "failed" if failed else "done",
            "rows": json.dumps(asdict(written)),
            "error": _as_json(failed),
        },
    )


def _as_json(failed: Sequence[Failure]) -> str | None:
    return json.dumps([asdict(one) for one in failed]) if failed else None


NEXT_CHUNK = text("""
    SELECT first_anchor, last_anchor FROM session_worker.backfill_chunk
     WHERE backfill_id = :id AND state = 'pending' ORDER BY first_anchor LIMIT 1""")
MARK_CHUNK = text("""
    UPDATE session_worker.backfill_chunk
       SET state = :state, rows = CAST(:rows AS jsonb), error = :error, tries = 0
     WHERE backfill_id = :id AND first_anchor = :first""")
FINISH = text("""
    UPDATE session_worker.backfill SET finished_at = now()
     WHERE id = :id AND finished_at IS NULL""")


def progress(conn: Connection, backfill_id: int) -> Progress:
    return Progress(*conn.execute(PROGRESS, {"id": backfill_id}).one())


PROGRESS = text("""
    SELECT count(*), count(*) FILTER (WHERE state = 'done'),
           count(*) FILTER (WHERE state = 'failed')
      FROM session_worker.backfill_chunk WHERE backfill_id = :id""")


def report_backfill(conn: Connection, backfill_id: int, digest: str) -> BackfillReport:
    """Report of what a backfill wrote in all its runs; `digest` is passed through."""
    extent = read_extent(conn, backfill_id)
    written, failed = Written(), list[Failure]()
    for rows, error in conn.execute(CHUNKS, {"id": backfill_id}):
        written += Written(**rows)
        failed += [Failure(**one) for one in json.loads(error or "[]")]
    occurrences = count_occurrences(conn, extent.first, extent.last)
    return BackfillReport(backfill_id, extent, digest, occurrences, written, tuple(failed))


CHUNKS = text("""
    SELECT rows, error FROM session_worker.backfill_chunk
     WHERE backfill_id = :id ORDER BY first_anchor""")


def _span(conn: Connection, settings: Settings, as_of: datetime, extent: Extent) -> Span:
    purpose = Purpose.REFILL if extent.deleted is Deleted.REFILL else Purpose.BACKFILL
    dates = extent.first, extent.last
    return Span.backfill(read_catalog(conn), settings, as_of, dates, purpose)


def _anchors(conn: Connection, extent: Extent) -> Sequence[int]:
    """Ids of the anchors to fill. Raises BackfillRefused where the named session carries no rule
    or the named tutor does not exist."""
    found = _read_anchors(conn, extent, None, None)
    if extent.tutor_id is not None and not conn.scalar(KNOWN_TUTOR, {"id": extent.tutor_id}):
        raise BackfillRefused(
            f"there is no tutor {extent.tutor_id}: give an id of the table tutor_profiles."
        )
    if extent.session_id is not None and not found:
        raise BackfillRefused(
            f"session {extent.session_id} carries no rule: name a row with is_recurring true."
        )
    return found


def _read_anchors(
    conn: Connection, extent: Extent, lowest: int | None, highest: int | None
) -> Sequence[int]:
    bounds = {"lowest": lowest, "highest": highest}
    of = {"tutor": extent.tutor_id, "session": extent.session_id}
    return conn.scalars(ANCHORS, bounds | of).all()


# Index: primary key. A tutor whose profile was deleted still counts where sessions name them.
KNOWN_TUTOR = text("""
    SELECT EXISTS (SELECT FROM tutor_profiles WHERE id = :id)
        OR EXISTS (SELECT FROM tutor_sessions WHERE tutor_id = :id)""")
ANCHORS = text("""
    SELECT t.id FROM tutor_sessions t
     WHERE t.is_recurring
       AND (CAST(:tutor AS bigint) IS NULL OR t.tutor_id = :tutor)
       AND (CAST(:session AS bigint) IS NULL OR t.id = :session)
       AND (CAST(:lowest AS bigint) IS NULL OR t.id BETWEEN :lowest AND :highest)
     ORDER BY t.id""")
