"""A row's columns → its Rule, or Unreadable with the reason (design, "Rules").

`rule` holds the values, `reading` makes them, `words` the names people write, `rfc5545` RRULEs.
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
