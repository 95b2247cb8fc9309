"""Report of one expansion: rows written, and states afterwards (design, `expand --json`)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import Connection, text

from scheduler.expansion.find.gone_rows import OCCURRENCES, STATE
from scheduler.expansion.find.work_list import SeeminglyRules
from scheduler.expansion.span import Span
from scheduler.rules import read_rule

# Takes how much of a long work is done, and how much there is in all.
Tell = Callable[[int, int], None]
STATES = ("active", "stopped", "ended", "unreadable", "paused")


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of tutor_sessions that a run wrote."""

    inserted: int = 0
    updated: int = 0
    cancelled: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.cancelled + other.cancelled,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A series that could not be expanded, and the reason; other series are not affected."""

    anchor_id: int
    error: str


@dataclass(frozen=True, slots=True)
class SessionFinding:
    """An oddity of a session's row, as in `scheduler.rules.rule.Finding`."""

    session_id: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ExpansionReport:
    """Report of a run.

    `rows`: counts of the rows that it wrote. `series`, `occurrences`: counts by state after it, the
    occurrences of the span's dates only.
    """

    as_of: datetime
    series: dict[str, int]
    occurrences: dict[str, int]
    rows: Written
    findings: tuple[SessionFinding, ...]
    failed: tuple[Failure, ...] = field(default=())


def tell_nobody(_done: int, _total: int) -> None:
    """A `Tell` that shows nothing."""


def count_series(conn: Connection) -> dict[str, int]:
    """Number of series by state, 0 included."""
    return dict.fromkeys(STATES, 0) | dict(conn.execute(COUNT_SERIES).all())


COUNT_SERIES = text("SELECT state, count(*) FROM session_worker.series GROUP BY state")
COUNT_OCCURRENCES = text(f"""
    SELECT {STATE.format("o")}, count(*) FROM session_worker.occurrence o
     WHERE occurs_on BETWEEN :first AND :last GROUP BY 1""")


def count_occurrences(conn: Connection, first: date, last: date) -> dict[str, int]:
    """Number of occurrences by state, 0 included, with dates from `first` to `last` inclusive."""
    counts = conn.execute(COUNT_OCCURRENCES, {"first": first, "last": last})
    return dict.fromkeys(OCCURRENCES, 0) | dict(counts.all())


# An anchor that could never be expanded has no series; its findings go with its rule.
# Index: primary key of tutor_sessions.
READ_FINDINGS = text("""
    SELECT session_id, code, detail FROM session_worker.finding f
     WHERE code <> 'not_expanded'
        OR EXISTS (SELECT FROM tutor_sessions t WHERE t.id = f.session_id AND t.is_recurring)""")


def read_findings(
    conn: Connection, span: Span, seemingly: SeeminglyRules
) -> tuple[SessionFinding, ...]:
    """Findings by session id: those recorded for anchors, and those of `seemingly`, just found."""
    found = [SessionFinding(*row) for row in conn.execute(READ_FINDINGS)]
    found += switched_off(span, seemingly)
    return tuple(sorted(found, key=lambda one: (one.session_id, one.code, one.detail)))


MOST_NAMED = 20


def switched_off(span: Span, seemingly: SeeminglyRules) -> list[SessionFinding]:
    """Findings for the newest rows that describe a rule but have it switched off.

    The last finding says how many more such rows there are.
    """
    found = [
        SessionFinding(session_id, one.code, one.detail)
        for session_id, columns in sorted(seemingly.newest.items(), reverse=True)
        for one in read_rule(columns, span.policy).findings
    ]
    more = len(found) + seemingly.rows - len(seemingly.newest) - MOST_NAMED
    named = found[:MOST_NAMED]
    if more > 0 and named:
        words = f"{named[0].detail}; and {more:,} more rows like these"
        named[0] = replace(named[0], detail=words)
    return named
