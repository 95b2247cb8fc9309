"""Rules as immutable values; `scheduler.occurrences` computes their dates.

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
    """The settings that affect the meaning of a rule."""

    month_end: MonthEnd = MonthEnd.CLAMP
    package_unit: PackageUnit = PackageUnit.NONE
    zone: ZoneInfo = ADDIS_ABABA

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.month_end, settings.package_duration_unit, settings.zone)


@dataclass(frozen=True, slots=True)
class EveryDays:
    """Every `interval`-th day from the anchor, if it is one of `weekdays` (empty: any)."""

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
    """Exactly these dates, ascending, all after the anchor."""

    dates: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """The value of an RFC 5545 RRULE in capitals, without UNTIL and times of day.

    COUNT applies as in the RFC, to the RRULE's own dates from the anchor's date on: an anchor that
    does not fit the RRULE is not counted.
    """

    text: str


Cadence = (
    EveryDays | EveryWeeks | EveryMonthsDay | EveryMonthsWeekdays | GivenDates | RecurrenceRule
)


@dataclass(frozen=True, slots=True)
class Rule:
    """The dates after `anchor` that a row means.

    `months` (empty: all) and `count` apply only to the four `Every…` cadences. `count` is the
    number of sessions including the anchor, counted after `months` and before `exdates`. `until`
    and `package_until` are last dates, inclusive.
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
    """A rule that cannot be read. `code`: a fixed word or the key of the pattern; `detail`: the
    faulty value, short and printable."""

    code: str
    detail: str = ""

    @property
    def reason(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


@dataclass(frozen=True, slots=True)
class Finding:
    """An oddity of a row that does not prevent its rule. `code`: rule_switched_off,
    frequencies_disagree, unknown_key or end_before_start."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Result of reading a row's columns. `rule` is None where the row has no rule."""

    rule: Rule | Unreadable | None
    findings: tuple[Finding, ...] = ()
