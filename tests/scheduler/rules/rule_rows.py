"""Rows that carry a rule, with defaults: a test names the columns it is about."""

from datetime import date
from typing import Any

from scheduler.rules import Reading, Rule, RuleColumns, RulePolicy, Unreadable, read_rule

THURSDAY = date(2026, 12, 17)
USUAL = RulePolicy()


def a_row(pattern: object = None, frequency: str | None = "weekly", **columns: Any) -> RuleColumns:
    defaults: dict[str, Any] = {
        "session_date": THURSDAY,
        "is_recurring": True,
        "package_duration": None,
    }
    return RuleColumns(session_frequency=frequency, recurring_pattern=pattern, **defaults | columns)


def reading_of(
    pattern: object = None,
    frequency: str | None = "weekly",
    policy: RulePolicy = USUAL,
    **columns: Any,
) -> Reading:
    return read_rule(a_row(pattern, frequency, **columns), policy)


def a_rule(
    pattern: object = None,
    frequency: str | None = "weekly",
    policy: RulePolicy = USUAL,
    **columns: Any,
) -> Rule:
    rule = reading_of(pattern, frequency, policy, **columns).rule
    assert isinstance(rule, Rule), rule
    return rule


def reason_of(pattern: object = None, frequency: str | None = "weekly", **columns: Any) -> str:
    """Why the row is unreadable."""
    rule = reading_of(pattern, frequency, **columns).rule
    assert isinstance(rule, Unreadable), rule
    return rule.reason
