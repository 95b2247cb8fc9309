"""Rules as values that are compared, hashed and printed; `scheduler.occurrences` dates them.

Collections are sorted tuples, so that equal rules have equal `repr`s in every process.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Self
from zoneinfo import ZoneInfo

from scheduler.settings import MonthEnd, PackageUnit, Settings

ADDIS_ABABA = ZoneInfo("Africa/Addis_Ababa")


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """The columns of tutor_sessions that a rule is read from, as the driver yields them.

    `recurring_pattern` is any JSON value; a string may hold JSON once more.
    """

    session_date: date
    is_recurring: bool | None
    session_frequency: str | None
    recurring_pattern: object
    package_duration: int | None = None
    start_time: time = time.min


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """The settings that change what a rule means."""

    month_end: MonthEnd = MonthEnd.CLAMP
    package_unit: PackageUnit = PackageUnit.NONE
    zone: ZoneInfo = ADDIS_ABABA

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.month_end, settings.package_duration_unit, settings.zone)


@dataclass(frozen=True, slots=True)
class EveryDays:
    """Every `interval`-th day from the anchor, where it falls on one of `weekdays` (none: any)."""

    interval: int = 1
    weekdays: tuple[int, ...] = ()  # 0 is Monday, ascending


@dataclass(frozen=True, slots=True)
class EveryWeeks:
    """`weekdays` of every `interval`-th ISO week from that of the anchor."""

    weekdays: tuple[int, ...]
    interval: int = 1


@dataclass(frozen=True, slots=True)
class EveryMonthsDay:
    """The `day` of every `interval`-th month from that of the anchor."""

    day: int
    interval: int = 1
    month_end: MonthEnd = MonthEnd.CLAMP


@dataclass(frozen=True, slots=True)
class EveryMonthsWeekdays:
    """The `ordinal`-th (5: the last) of each of `weekdays`, in every `interval`-th month."""

    ordinal: int
    weekdays: tuple[int, ...]
    interval: int = 1


@dataclass(frozen=True, slots=True)
class GivenDates:
    """Just these dates, ascending, all after the anchor."""

    dates: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """The value of an RFC 5545 RRULE, in capitals, without UNTIL and times of day.

    Its COUNT counts as the RFC says, from the anchor's date on, over the RRULE's own dates: an
    anchor that does not fit the RRULE is not counted.
    """

    text: str


Cadence = (
    EveryDays | EveryWeeks | EveryMonthsDay | EveryMonthsWeekdays | GivenDates | RecurrenceRule
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which dates after `anchor` a row means.

    `months` (none: all) and `count` apply to the four `Every…` alone. `count` is of sessions in
    all, the anchor being the first, after `months` and before `exdates`. `until` and
    `package_until` are the last dates, inclusive.
    """

    anchor: date
    cadence: Cadence
    months: tuple[int, ...] = ()
    count: int | None = None
    until: date | None = None
    package_until: date | None = None
    exdates: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No rule can be made of the row. `code` is a fixed word or the pattern's key, `detail` the
    value at fault, short and printable."""

    code: str
    detail: str = ""

    @property
    def reason(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd about a row that stands in nobody's way. `code`: rule_switched_off,
    frequencies_disagree, unknown_key or end_before_start."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a row's columns say. `rule` is None where the row has no rule."""

    rule: Rule | Unreadable | None
    findings: tuple[Finding, ...] = ()
