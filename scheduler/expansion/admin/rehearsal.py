"""Rehearsal of a generated row: what the site's constraints, triggers and partitions would say to
it, before a rule has to find out (design, "A generated row").
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from models.catalog import read_catalog
from scheduler.expansion.chunk import decide
from scheduler.expansion.span import Span
from scheduler.expansion.write.refusals import CHECK_AT_ONCE, LEFT_OUT, NOT_PERMITTED, is_refusal
from scheduler.settings import Settings
from scheduler.turns import wait_expansion_turn

# How many rules are looked at, from the newest, for one that has a row to come.
RULES = 10
# Beyond EXPAND_DAYS: where all that can be filled is filled, the row that comes next is tried.
BEYOND = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Refused:
    """The site would not take the row of this rule on this date; `words` are the server's."""

    anchor_id: int
    occurs_on: date
    words: str


@dataclass(frozen=True, slots=True)
class Untried:
    """Whether it would cannot be told: rows are locked, say. `words` are the server's."""

    words: str


def rehearse_row(engine: Engine, settings: Settings, as_of: datetime) -> Refused | Untried | None:
    """Insert the next row of the newest rule that has one to come, and roll it back.

    None where the site takes it, and where no rule has a row to come: then nothing is tried. The
    row is the one that expansion would write, on a date where nothing stands in its way. Whatever
    the site's triggers do within the database goes with it; what is left is one value taken from
    each sequence that a default of the row, or such a trigger, reads. Raises SiteMismatch, and
    DBAPIError where the connection is lost.
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


def _rehearse(conn: Connection, settings: Settings, as_of: datetime) -> Refused | None:
    wait_expansion_turn(conn)  # else its row could be in the way of the one that is tried
    ahead = Span.ahead(read_catalog(conn), settings, as_of)
    span = replace(ahead, last=ahead.last + BEYOND)
    for anchor_id in conn.scalars(NEWEST_RULES, {"rules": RULES}).all():
        decide(conn, span, [anchor_id])
        occurs_on = conn.scalar(NEXT_DATE, {"id": anchor_id})
        if occurs_on is not None:
            return _try_row(conn, span, anchor_id, occurs_on)
    return None


# Index: primary key, from its end.
NEWEST_RULES = text("""
    SELECT id FROM tutor_sessions WHERE is_recurring ORDER BY id DESC LIMIT :rules""")

# The first date that is free for this rule; null where it has none.
NEXT_DATE = text("""
    SELECT min(occurs_on) FROM sw_candidate
     WHERE anchor_id = :id AND kind = 'insert' AND verdict = 'place'""")


def _try_row(conn: Connection, span: Span, anchor_id: int, occurs_on: date) -> Refused | None:
    conn.execute(CHECK_AT_ONCE)
    try:
        made = conn.execute(text(_insert(span)), {"id": anchor_id, "day": occurs_on}).rowcount
    except DBAPIError as error:
        if not is_refusal(error) and getattr(error.orig, "pgcode", None) != NOT_PERMITTED:
            raise
        return Refused(anchor_id, occurs_on, _words(error))
    return None if made else Refused(anchor_id, occurs_on, LEFT_OUT)


def _insert(span: Span) -> str:
    """As expansion's, for one row and without the ledger."""
    values = span.columns.select_list("a", "CAST(:day AS date)")
    return f"""
    INSERT INTO tutor_sessions ({span.columns.insert_list})
    SELECT {values} FROM sw_anchor a WHERE a.id = :id"""


def _words(error: DBAPIError) -> str:
    """The first line of what the server said: the next ones show values of the row."""
    return str(error.orig).strip().partition("\n")[0]
