"""What one expansion did, and what stands after it (design, `expand --json`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span
from scheduler.rules import RuleColumns, read_rule

STATES = ("active", "stopped", "ended", "unreadable", "paused")
OCCURRENCES = ("created", "adopted", "conflict", "deleted", "skipped")


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


def make_report(
    conn: Connection, span: Span, rows: Written, failed: Sequence[Failure]
) -> ExpansionReport:
    """Counts what stands. Reads only."""
    return ExpansionReport(
        span.as_of,
        dict.fromkeys(STATES, 0) | dict(conn.execute(COUNT_SERIES).all()),
        count_occurrences(conn, span.first, span.last),
        rows,
        read_findings(conn, span),
        tuple(failed),
    )


COUNT_SERIES = text("SELECT state, count(*) FROM session_worker.series GROUP BY state")
COUNT_OCCURRENCES = text("""
    SELECT state, count(*) FROM session_worker.occurrence
     WHERE occurs_on BETWEEN :first AND :last GROUP BY state""")


def count_occurrences(conn: Connection, first: date, last: date) -> dict[str, int]:
    counts = conn.execute(COUNT_OCCURRENCES, {"first": first, "last": last})
    return dict.fromkeys(OCCURRENCES, 0) | dict(counts.all())


READ_FINDINGS = text("SELECT session_id, code, detail FROM session_worker.finding")
# A row without a rule is not remembered; those that look as if they had one are read each time.
SWITCHED_OFF = """
    SELECT t.id, t.session_date, t.is_recurring, t.session_frequency::text,
           t.recurring_pattern::text, {package} AS package_duration
      FROM tutor_sessions t
     WHERE t.is_recurring IS NOT TRUE
       AND (coalesce(t.recurring_pattern::text, 'null') NOT IN ('null', '{{}}', '[]', '""')
            OR translate(lower(t.session_frequency::text), '-_ ', '') NOT IN ('onetime', ''))"""


def read_findings(conn: Connection, span: Span) -> tuple[SessionFinding, ...]:
    """What is odd about the rows, by session id."""
    found = [SessionFinding(*row) for row in conn.execute(READ_FINDINGS)]
    package = span.catalog.read("t", "tutor_sessions", "package_duration")
    for row in conn.execute(text(SWITCHED_OFF.format(package=package))):
        reading = read_rule(RuleColumns(*row[1:]), span.policy)
        found += [SessionFinding(row.id, one.code, one.detail) for one in reading.findings]
    return tuple(sorted(found, key=lambda one: (one.session_id, one.code, one.detail)))
