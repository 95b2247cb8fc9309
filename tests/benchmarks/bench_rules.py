"""Reading and dating rules, beside dateutil's rrule of the same meaning, in one run.

    uv run python -m tests.benchmarks.bench_rules

CPU seconds for 1,000 rules, so that a busy machine does not blur them; the best of three. Only the
ratios mean something: machines vary.
"""

import time
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as clock
from typing import Any

from dateutil.rrule import rrulestr

from scheduler.occurrences import dates
from scheduler.rules import Rule, RuleColumns, RulePolicy, read_rule

RULES = 1_000
FIRST, LAST = date(2026, 12, 1), date(2027, 2, 22)  # 84 days
NEW, OLD = date(2026, 11, 26), date(1990, 1, 4)
LAST_SUNDAY = "FREQ=MONTHLY;BYDAY=-1SU"
FORTY_DATES = [f"2026-12-{n % 28 + 1:02}" for n in range(40)]
# The rule's name, its row, and the same rule for dateutil.
CASES: list[tuple[str, date, str | None, dict[str, Any] | None, str]] = [
    ("weekly, no pattern", NEW, "Weekly", None, "FREQ=WEEKLY"),
    ("weekly on two days", NEW, "Weekly", {"days": ["Monday", "ረቡዕ"]}, "FREQ=WEEKLY;BYDAY=MO,WE"),
    ("weekly since 1990", OLD, "Weekly", {"days": ["Monday"]}, "FREQ=WEEKLY;BYDAY=MO"),
    ("weekly, count 10", NEW, "Weekly", {"count": 10}, "FREQ=WEEKLY;COUNT=10"),
    ("weekly since 1990, count 9,999", OLD, "Weekly", {"count": 9_999}, "FREQ=WEEKLY;COUNT=9999"),
    ("daily", NEW, "daily", None, "FREQ=DAILY"),
    ("monthly on a weekday", NEW, "Monthly", {"days": ["Thursday"]}, "FREQ=MONTHLY;BYDAY=4TH"),
    ("40 given dates", NEW, None, {"specific_dates": FORTY_DATES}, ""),
    ("RRULE, weekly", NEW, None, {"rrule": "FREQ=WEEKLY;BYDAY=MO,WE"}, "FREQ=WEEKLY;BYDAY=MO,WE"),
    ("RRULE, monthly since 1990", OLD, None, {"rrule": LAST_SUNDAY}, LAST_SUNDAY),
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


def by_dateutil(rrule: str, anchor: date) -> None:
    """Read and dated by dateutil, whose rules cache nothing and begin at their anchor."""
    for _ in range(RULES):
        rule = rrulestr(rrule, dtstart=at_midnight(anchor))
        rule.between(at_midnight(FIRST), at_midnight(LAST), inc=True)


def at_midnight(day: date) -> datetime:
    return datetime.combine(day, clock())


def main() -> None:
    print(f"{RULES:,} rules, {FIRST} to {LAST}, seconds of CPU")
    for name, anchor, frequency, pattern, rrule in CASES:
        columns = RuleColumns(anchor, True, frequency, pattern)
        reading = best_of_three(read_many, columns)
        dating = best_of_three(date_many, rule_of(columns))
        line = f"{name:31} read {reading:6.3f}   date {dating:6.3f}"
        if rrule:
            peer = best_of_three(by_dateutil, rrule, anchor)
            line += f"   dateutil {peer:6.3f}   × {peer / (reading + dating):.1f} as fast"
        print(line)
    for name in ("", ";COUNT=3"):
        rule = rule_of(RuleColumns(OLD, True, None, {"rrule": NEVER + name}))
        once = best_of_three(dates, rule, FIRST, LAST)
        print(f"one {NEVER}{name} since 1990: {once * 1000:.1f} ms")


if __name__ == "__main__":
    main()
