"""Rules of recurring sessions, read from a row's columns (design, "Rules").

`rule` holds the values, `columns` reads them, `vocabulary` has the names that people write,
`rfc5545` checks RRULEs, `describe` puts a rule into words.
"""

from scheduler.rules.columns import read_rule
from scheduler.rules.describe import describe
from scheduler.rules.rule import (
    Cadence,
    EveryDays,
    EveryMonthsDay,
    EveryMonthsWeekdays,
    EveryWeeks,
    Finding,
    GivenDates,
    Reading,
    RecurrenceRule,
    Rule,
    RuleColumns,
    RulePolicy,
    Unreadable,
)

__all__ = [
    "Cadence",
    "EveryDays",
    "EveryMonthsDay",
    "EveryMonthsWeekdays",
    "EveryWeeks",
    "Finding",
    "GivenDates",
    "Reading",
    "RecurrenceRule",
    "Rule",
    "RuleColumns",
    "RulePolicy",
    "Unreadable",
    "describe",
    "read_rule",
]
