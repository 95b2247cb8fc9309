"""How long reading and dating 10,000 rules takes: `python -m tests.benchmarks.bench_rules`.

CPU seconds, so that a busy machine does not blur them; the best of three.
"""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from scheduler.occurrences import dates
from scheduler.rules import Rule, RuleColumns, RulePolicy, read_rule

RULES = 10_000
FIRST, LAST = date(2026, 12, 1), date(2027, 2, 22)  # 84 days
NEW, OLD = date(2026, 11, 26), date(1990, 1, 4)
FORTY_DATES = [f"2026-12-{n % 28 + 1:02}" for n in range(40)]
CASES: list[tuple[str, date, str | None, dict[str, Any] | None]] = [
    ("weekly, no pattern", NEW, "Weekly", None),
    ("weekly on two days", NEW, "Weekly", {"days": ["Monday", "ረቡዕ"]}),
    ("weekly since 1990", OLD, "Weekly", {"days": ["Monday", "Wednesday"]}),
    ("weekly, count 10", NEW, "Weekly", {"count": 10}),
    ("weekly since 1990, count 10,000", OLD, "Weekly", {"count": 10_000}),
    ("daily", NEW, "daily", None),
    ("monthly on a weekday", NEW, "Monthly", {"days": ["Thursday"]}),
    ("40 given dates", NEW, None, {"specific_dates": FORTY_DATES}),
    ("RRULE, weekly", NEW, None, {"rrule": "FREQ=WEEKLY;BYDAY=MO,WE"}),
    ("RRULE, monthly since 1990", OLD, None, {"rrule": "FREQ=MONTHLY;BYDAY=-1SU"}),
]  # fmt: skip
NEVER = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"


def best_of_three(work: Callable[..., object], *given: object) -> float:
    return min(cpu_seconds(work, *given) for _ in range(3))


def cpu_seconds(work: Callable[..., object], *given: object) -> float:
    begun = time.process_time()
    work(*given)
    return time.process_time() - begun


def rule_of(columns: RuleColumns) -> Rule:
    rule = read_rule(columns, RulePolicy()).rule
    if not isinstance(rule, Rule):
        raise TypeError(rule)
    return rule


def read_many(columns: RuleColumns) -> None:
    for _ in range(RULES):
        rule_of(columns)


def date_many(rule: Rule) -> None:
    for _ in range(RULES):
        dates(rule, FIRST, LAST)


def main() -> None:
    print(f"{RULES:,} rules, {FIRST} to {LAST}, seconds of CPU")
    for name, anchor, frequency, pattern in CASES:
        columns = RuleColumns(anchor, True, frequency, pattern)
        reading = best_of_three(read_many, columns)
        dating = best_of_three(date_many, rule_of(columns))
        print(f"{name:34} read {reading:6.3f}   date {dating:6.3f}")
    for name in ("", ";COUNT=3"):
        rule = rule_of(RuleColumns(OLD, True, None, {"rrule": NEVER + name}))
        once = best_of_three(dates, rule, FIRST, LAST)
        print(f"one {NEVER}{name} since 1990: {once * 1000:.1f} ms")


if __name__ == "__main__":
    main()
