"""Observations of the worker's work: its tables beside the site's, and the mails that came."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Row, text

from scheduler.rules import Rule, RuleColumns, RulePolicy, describe, read_rule
from tasks.demo.mailbox import Mail


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """An anchor. `state` is None until the worker has read its rule; `rows` is the number of rows
    generated from it."""

    session_id: int
    lesson: str
    words: str
    state: str | None
    reason: str | None
    rows: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class ConflictSeen:
    """A date without a row, and the session that conflicts with it."""

    session_id: int
    day: date
    blocked_by: int | None


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """A row of the ledger."""

    id: int
    kind: str
    lead_minutes: int
    person: str
    role: str
    starts_at: datetime
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Observations:
    """All observations at one moment. `ticked`: beat's first tick on this ledger is done."""

    ticked: bool
    rules: tuple[RuleSeen, ...]
    conflicts: tuple[ConflictSeen, ...]
    messages: tuple[MessageSeen, ...]
    mails: tuple[Mail, ...]

    @property
    def rows(self) -> int:
        return sum(rule.rows for rule in self.rules)


def observe(conn: Connection, mails: tuple[Mail, ...]) -> Observations:
    """Read the observations; nothing is written."""
    return Observations(
        ticked=bool(conn.scalar(TICKED)),
        rules=tuple(map(rule_seen, conn.execute(RULES))),
        conflicts=tuple(ConflictSeen(*row) for row in conn.execute(CONFLICTS)),
        messages=tuple(MessageSeen(*row) for row in conn.execute(MESSAGES)),
        mails=mails,
    )


TICKED = text("SELECT first_tick_at IS NOT NULL FROM session_worker.installation")

# Some thirty anchors in a database of a few hundred rows: no index matters.
RULES = text("""
    SELECT t.id, tutor.first_name || ' with ' || student.first_name || ', ' || t.subject AS lesson,
           t.session_date, t.is_recurring, t.session_frequency,
           t.recurring_pattern::text AS recurring_pattern, e.state, e.reason,
           o.rows, o.conflicts
      FROM tutor_sessions t
      JOIN tutor_profiles tp ON tp.id = t.tutor_id JOIN users tutor ON tutor.id = tp.user_id
      JOIN student_profiles sp ON sp.id = t.student_id JOIN users student ON student.id = sp.user_id
      LEFT JOIN session_worker.series e ON e.anchor_id = t.id
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE state = 'created') AS rows,
                  count(*) FILTER (WHERE state = 'conflict') AS conflicts
             FROM session_worker.occurrence o WHERE o.anchor_id = t.id) o
     WHERE t.is_recurring
     ORDER BY t.id""")

CONFLICTS = text("""
    SELECT anchor_id, occurs_on, blocked_by FROM session_worker.occurrence
     WHERE state = 'conflict' ORDER BY occurs_on, anchor_id""")

MESSAGES = text("""
    SELECT d.id, d.kind, d.lead_minutes,
           concat_ws(' ', u.first_name, u.father_name, u.grandfather_name) AS person,
           d.role, d.starts_at, d.state, d.reason
      FROM session_worker.delivery d LEFT JOIN users u ON u.id = d.person_id
     ORDER BY d.id""")


def rule_seen(row: Row[tuple[object, ...]]) -> RuleSeen:
    return RuleSeen(
        row.id, row.lesson, in_words(row), row.state, row.reason, row.rows, row.conflicts
    )


def in_words(row: Row[tuple[object, ...]]) -> str:
    """The rule in words; if it is unreadable, the row's raw value."""
    columns = RuleColumns(
        row.session_date, row.is_recurring, row.session_frequency, row.recurring_pattern
    )
    rule = read_rule(columns, RulePolicy()).rule
    if isinstance(rule, Rule):
        return describe(rule)
    return " ".join(filter(None, (row.session_frequency, row.recurring_pattern)))
