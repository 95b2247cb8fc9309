"""What one expansion did, and what stands after it (design, `expand --json`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, text

from scheduler.expansion.find.gone_rows import OCCURRENCES, STATE
from scheduler.expansion.span import Span
from scheduler.rules import RuleColumns, read_rule

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
    """A series that could not be expanded; the others were."""

    anchor_id: int
    error: str


@dataclass(frozen=True, slots=True)
class SessionFinding:
    session_id: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ExpansionReport:
    """`rows` is what this run wrote; `series` and `occurrences` what stands: series by state, and
    the occurrences of the span's dates by state."""

    as_of: datetime
    series: dict[str, int]
    occurrences: dict[str, int]
    rows: Written
    findings: tuple[SessionFinding, ...]
    failed: tuple[Failure, ...] = field(default=())


def count_series(conn: Connection) -> dict[str, int]:
    return dict.fromkeys(STATES, 0) | dict(conn.execute(COUNT_SERIES).all())


COUNT_SERIES = text("SELECT state, count(*) FROM session_worker.series GROUP BY state")
COUNT_OCCURRENCES = text(f"""
    SELECT {STATE.format("o")}, count(*) FROM session_worker.occurrence o
     WHERE occurs_on BETWEEN :first AND :last GROUP BY 1""")


def count_occurrences(conn: Connection, first: date, last: date) -> dict[str, int]:
    counts = conn.execute(COUNT_OCCURRENCES, {"first": first, "last": last})
    return dict.fromkeys(OCCURRENCES, 0) | dict(counts.all())


# What could not be expanded has no series yet: if its rule is gone, so is what was found.
# Index: primary key of tutor_sessions.
READ_FINDINGS = text("""
    SELECT session_id, code, detail FROM session_worker.finding f
     WHERE code <> 'not_expanded'
        OR EXISTS (SELECT FROM tutor_sessions t WHERE t.id = f.session_id AND t.is_recurring)""")


def read_findings(
    conn: Connection, span: Span, seemingly: Mapping[int, RuleColumns]
) -> tuple[SessionFinding, ...]:
    """What is odd about the rows, by session id. Only what is found on anchors is remembered."""
    found = [SessionFinding(*row) for row in conn.execute(READ_FINDINGS)]
    for session_id, columns in seemingly.items():
        findings = read_rule(columns, span.policy).findings
        found += [SessionFinding(session_id, one.code, one.detail) for one in findings]
    return tuple(sorted(found, key=lambda one: (one.session_id, one.code, one.detail)))
