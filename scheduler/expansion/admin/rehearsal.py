"""Trial insert, move and cancellation of a generated row, rolled back: shows at setup if the site's
constraints, triggers or partitions would refuse one of them (design, "A generated row").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from models.catalog import read_catalog
from scheduler.expansion.chunk import decide
from scheduler.expansion.span import Span
from scheduler.expansion.write.refusals import CHECK_AT_ONCE, LEFT_OUT, NOT_PERMITTED, is_refusal
from scheduler.settings import Settings
from scheduler.turns import wait_expansion_turn

# The newest rules are searched, up to this many, for one that has a row to come.
RULES = 10
# Beyond EXPAND_DAYS, so that there is a free date to try where all of EXPAND_DAYS is filled.
BEYOND = timedelta(days=366)


class Write(Enum):
    """Kinds of writes that the worker makes to tutor_sessions."""

    INSERT = "a row for a date of a rule"
    MOVE = "another date for a row whose rule changed"
    CANCEL = "status cancelled for a row whose rule no longer names its date"


@dataclass(frozen=True, slots=True)
class Refused:
    """The site refuses this write of a row of the rule.

    `occurs_on` is the date of the row, or the one that it was to move to; `words` is the server's
    message.
    """

    write: Write
    anchor_id: int
    occurs_on: date
    words: str


@dataclass(frozen=True, slots=True)
class Untried:
    """The trial could not be made, for example as rows are locked; `words` is the server's."""

    words: str


def rehearse_row(
    engine: Engine, settings: Settings, as_of: datetime
) -> Sequence[Refused] | Untried:
    """Insert the next row of the newest rule that has one to come, move it, cancel it, and roll all
    of it back.

    Returns what the site refuses; nothing is tried where no rule has a row to come. The row is the
    one that expansion would write, on a date without a conflict, and it moves to the next such
    date. What the site's triggers write in the database is rolled back too; each sequence that a
    default or a trigger reads for the insert keeps its advance by one. Move and cancellation take
    no value of the worker's. Raises SiteMismatch, and DBAPIError where the connection is lost.
    """
    with engine.connect() as conn:
        try:
            return _rehearse(conn, settings, as_of)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return Untried(_words(error))
        finally:
            conn.rollback()


def _rehearse(conn: Connection, settings: Settings, as_of: datetime) -> Sequence[Refused]:
    wait_expansion_turn(conn)  # else its row could be in the way of the one that is tried
    ahead = Span.ahead(read_catalog(conn), settings, as_of)
    span = replace(ahead, last=ahead.last + BEYOND)
    for anchor_id in conn.scalars(NEWEST_RULES, {"rules": RULES}).all():
        decide(conn, span, [anchor_id])
        days = conn.scalars(NEXT_DATES, {"id": anchor_id}).all()
        if days:
            return list(_try_writes(conn, span, anchor_id, days))
    return ()


# Index: primary key, from its end.
NEWEST_RULES = text("""
    SELECT id FROM tutor_sessions WHERE is_recurring ORDER BY id DESC LIMIT :rules""")

# The first two free dates of this rule.
NEXT_DATES = text("""
    SELECT occurs_on FROM sw_candidate
     WHERE anchor_id = :id AND kind = 'insert' AND verdict = 'place' ORDER BY 1 LIMIT 2""")
# Index: primary key.
MOVE = """
    UPDATE tutor_sessions SET session_date = CAST(:day AS date) WHERE id = :row RETURNING id"""
CANCEL = "UPDATE tutor_sessions SET status = 'cancelled' WHERE id = :row RETURNING id"


def _try_writes(
    conn: Connection, span: Span, anchor_id: int, days: Sequence[date]
) -> Iterator[Refused]:
    """Insert a row; if the site accepts it, move it and cancel it."""
    conn.execute(CHECK_AT_ONCE)
    row = _try(conn, _insert(span), {"id": anchor_id, "day": days[0]})
    if isinstance(row, str):
        yield Refused(Write.INSERT, anchor_id, days[0], row)
        return
    if len(days) > 1:
        moved = _try(conn, MOVE, {"row": row, "day": days[1]})
        if isinstance(moved, str):
            yield Refused(Write.MOVE, anchor_id, days[1], moved)
    cancelled = _try(conn, CANCEL, {"row": row})
    if isinstance(cancelled, str):
        yield Refused(Write.CANCEL, anchor_id, days[0], cancelled)


def _try(conn: Connection, statement: str, parameters: Mapping[str, object]) -> int | str:
    """Write a row in a savepoint. Returns its id, or the message where the site refuses it."""
    savepoint = conn.begin_nested()
    try:
        row: int | None = conn.execute(text(statement), parameters).scalar()
    except DBAPIError as error:
        if not is_refusal(error) and getattr(error.orig, "pgcode", None) != NOT_PERMITTED:
            raise
        savepoint.rollback()
        return _words(error)
    return LEFT_OUT if row is None else row


def _insert(span: Span) -> str:
    """The INSERT of expansion, for one row and without recording an occurrence."""
    values = span.columns.select_list("a", "CAST(:day AS date)")
    return f"""
    INSERT INTO tutor_sessions ({span.columns.insert_list})
    SELECT {values} FROM sw_anchor a WHERE a.id = :id RETURNING id"""


def _words(error: DBAPIError) -> str:
    """First line of the server's message; the lines after it would show values of the row."""
    return str(error.orig).strip().partition("\n")[0]
