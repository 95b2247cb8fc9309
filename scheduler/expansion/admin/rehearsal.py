"""Trial insert of a generated row, rolled back: shows at setup if the site's constraints, triggers
or partitions would refuse it (design, "A generated row").
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

# The newest rules are searched, up to this many, for one that has a row to come.
RULES = 10
# Beyond EXPAND_DAYS, so that there is a free date to try where all of EXPAND_DAYS is filled.
BEYOND = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Refused:
    """The site refuses a row of this rule on this date; `words` is the server's message."""

    anchor_id: int
    occurs_on: date
    words: str


@dataclass(frozen=True, slots=True)
class Untried:
    """The trial could not be made, for example as rows are locked; `words` is the server's."""

    words: str


def rehearse_row(engine: Engine, settings: Settings, as_of: datetime) -> Refused | Untried | None:
    """Insert the next row of the newest rule that has one to come, and roll it back.

    Returns None where the site accepts the row, and where no rule has a row to come (nothing is
    tried). The row is the one that expansion would write, on a date without a conflict. What the
    site's triggers write in the database is rolled back too; each sequence that a default or a
    trigger reads keeps its advance by one. Raises SiteMismatch, and DBAPIError where the connection
    is lost.
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
    wait_expansion_turn(conn)  # a row of a concurrent run could be in conflict with the trial
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

# The first free date of this rule; NULL where there is none.
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
    """The INSERT of expansion, for one row and without recording an occurrence."""
    values = span.columns.select_list("a", "CAST(:day AS date)")
    return f"""
    INSERT INTO tutor_sessions ({span.columns.insert_list})
    SELECT {values} FROM sw_anchor a WHERE a.id = :id"""


def _words(error: DBAPIError) -> str:
    """First line of the server's message; the lines after it would show values of the row."""
    return str(error.orig).strip().partition("\n")[0]
