"""List of the series for an admin; ending and reopening a series by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from models.catalog import read_catalog
from scheduler.expansion.admin.preview import NotASeries
from scheduler.expansion.chunk import decide, expand_chunk
from scheduler.expansion.find.gone_rows import COULD_NOT_FOLLOW
from scheduler.expansion.report import Written
from scheduler.expansion.span import Purpose, Span
from scheduler.settings import Settings
from scheduler.turns import wait_expansion_turn


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One series. `next_date`: date of its next row; `rows_to_come`: number of rows from then on.

    `could_not_follow`: how many of these rows still hold the values from before a change of the
    rule.
    """

    session_id: int
    state: str
    reason: str | None
    tutor_id: int
    student_id: int
    subject: str | None
    ends_on: date | None
    continued_by: int | None
    next_date: date | None
    rows_to_come: int
    conflicts: int
    could_not_follow: int
    changed_at: datetime


def list_series(conn: Connection, today: date) -> Sequence[SeriesLine]:
    """All series by anchor id, with the rows to come from `today` (a date at the site) on."""
    return [SeriesLine(*row) for row in conn.execute(LIST, {"today": today})]


LIST = text(f"""
    SELECT s.anchor_id, s.state, s.reason, s.tutor_id, s.student_id, s.written->>'subject',
           s.ends_on, s.continued_by, o.next_date, coalesce(o.rows, 0), coalesce(o.conflicts, 0),
           coalesce(o.behind, 0), s.changed_at
      FROM session_worker.series s
      LEFT JOIN (SELECT anchor_id,
                        min(occurs_on) FILTER (WHERE state IN ('created', 'adopted')) AS next_date,
                        count(*) FILTER (WHERE state IN ('created', 'adopted')) AS rows,
                        count(*) FILTER (WHERE state = 'conflict') AS conflicts,
                        count(*) FILTER (WHERE {COULD_NOT_FOLLOW.format("c")}) AS behind
                   FROM session_worker.occurrence c WHERE occurs_on >= :today
                  GROUP BY anchor_id) o ON o.anchor_id = s.anchor_id
     ORDER BY s.anchor_id""")


def end_series(engine: Engine, settings: Settings, as_of: datetime, anchor_id: int) -> Written:
    """any state → ended, for good: no rows are made from today on. Existing rows stay.

    The anchor is not written (promise 2): it keeps its rule, which the worker ignores from then on.
    Raises NotASeries where there is no such series.
    """
    with engine.begin() as conn:
        span = _ending(conn, settings, as_of)
        _end(conn, span, anchor_id)
    return Written()


def end_series_and_cancel(
    engine: Engine, settings: Settings, as_of: datetime, anchor_id: int
) -> Written:
    """As end_series; also cancels the rows to come that no person placed.

    Raises NotASeries, and RowsHeld where another transaction holds one of these rows: nothing is
    changed then.
    """
    with engine.begin() as conn:
        span = _ending(conn, settings, as_of)
        _end(conn, span, anchor_id)
        return expand_chunk(conn, span, [anchor_id]).written


def rehearse_end(engine: Engine, settings: Settings, as_of: datetime, anchor_id: int) -> Written:
    """Counts of what `end_series_and_cancel` would cancel, from a transaction that is rolled back.

    Raises NotASeries where there is no such series.
    """
    with engine.connect() as conn:
        span = _ending(conn, settings, as_of)
        _end(conn, span, anchor_id)
        decide(conn, span, [anchor_id])
        cancelled = conn.scalars(WOULD_CANCEL).one()
        conn.rollback()
    return Written(cancelled=cancelled)


WOULD_CANCEL = text("SELECT count(*) FROM sw_change WHERE kind = 'cancel'")


def reopen_series(engine: Engine, anchor_id: int) -> None:
    """ended by an admin → active: the next expansion fills its dates from today on.

    That run also restores the rows that `end_series_and_cancel` had cancelled. Raises NotASeries
    where there is no such series, or where it was not ended by an admin.
    """
    with engine.begin() as conn:
        wait_expansion_turn(conn)
        if conn.execute(REOPEN, {"id": anchor_id}).rowcount:
            return
        row = conn.execute(STATE, {"id": anchor_id}).one_or_none()
        if row is None:
            raise _no_series(conn, anchor_id)
        words = f"{row.state} ({row.reason})" if row.reason else row.state
        raise NotASeries(
            f"the series of session {anchor_id} is {words}: only one that an admin ended is"
            " reopened."
        )


# Index: primary key. `seen` is emptied, so that the next expansion compares every row.
REOPEN = text("""
    UPDATE session_worker.series
       SET state = 'active', reason = NULL, ends_on = NULL, seen = '', changed_at = now()
     WHERE anchor_id = :id AND state = 'ended' AND reason = 'ended_by_admin'
       AND continued_by IS NULL""")
STATE = text("SELECT state, reason FROM session_worker.series WHERE anchor_id = :id")


def _no_series(conn: Connection, session_id: int) -> NotASeries:
    """The error for a session without a series; its line says which id to give instead."""
    anchor_id = conn.scalar(MADE_BY, {"id": session_id})
    if anchor_id is not None:
        return NotASeries(
            f"session {session_id} carries no rule: it belongs to the series of session"
            f" {anchor_id}, give that id."
        )
    return NotASeries(
        f"session {session_id} has no series: `celery -A tasks series` lists those that have."
    )


# Index: occurrence_session.
MADE_BY = text("SELECT min(anchor_id) FROM session_worker.occurrence WHERE session_id = :id")


def _ending(conn: Connection, settings: Settings, as_of: datetime) -> Span:
    ahead = Span.ahead(read_catalog(conn), settings, as_of)
    return Span(ahead.catalog, settings, as_of, ahead.first, ahead.last, Purpose.ENDING)


def _end(conn: Connection, span: Span, anchor_id: int) -> None:
    wait_expansion_turn(conn)
    yesterday = span.today - timedelta(days=1)
    if not conn.execute(END, {"id": anchor_id, "on": yesterday}).rowcount:
        raise _no_series(conn, anchor_id)


END = text("""
    UPDATE session_worker.series
       SET state = 'ended', ends_on = least(ends_on, :on),
           reason = CASE state WHEN 'ended' THEN reason ELSE 'ended_by_admin' END,
           changed_at = CASE state WHEN 'ended' THEN changed_at ELSE now() END
     WHERE anchor_id = :id""")
