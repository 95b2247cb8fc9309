"""RRULEs, checked and rewritten into a form that dateutil reads correctly (RFC 5545, 3.3.10).

dateutil accepts more than the RFC (BYEASTER, any HOURLY rule), loops forever on INTERVAL=0, fails
while iterating on the sixth Monday of a month, and finds nothing where BYDAY mixes `MO` with
`1TU`. Each part is therefore checked here first.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduler.rules.rule import RecurrenceRule
from scheduler.rules.values import Pattern, Refused, given

LONGEST_RRULE = 1_000
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MOST_WEEKDAYS_IN_A_MONTH, MOST_WEEKDAYS_IN_A_YEAR = 5, 53

# Part → its largest number, and whether negative numbers (from the end) are allowed.
POSITIVE = {"INTERVAL": 10**6, "COUNT": 10**9, "BYMONTH": 12}
SIGNED = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
# With a single value of each, the rule is DAILY or slower; the time of day is the row's start_time.
TIMES_OF_DAY = {"BYHOUR": 23, "BYMINUTE": 59, "BYSECOND": 60}
DAY = timedelta(days=1)
UNTIL = re.compile(r"[0-9]{8}(?P<time>T[0-9]{4}(?P<second>[0-5][0-9]|60)(?P<utc>Z)?)?")
SINGLE = {"FREQ", "UNTIL", "INTERVAL", "COUNT", "WKST", *TIMES_OF_DAY}


@dataclass(frozen=True, slots=True)
class RecurrenceReading:
    """The RRULE, and its UNTIL: a date, a wall time (naive) or an instant (aware), inclusive."""

    rule: RecurrenceRule
    until: date | datetime | None

    def last_date(self, start_time: time, zone: ZoneInfo) -> date | None:
        """The last date on which a session at `start_time` in `zone` begins by UNTIL, or None.

        RFC 5545, 3.3.10: UNTIL bounds the start of an occurrence, its time of day included.
        """
        until = self.until
        if not isinstance(until, datetime):
            return until
        day = min(until.date(), date.max - DAY) + DAY
        while day > date.min and starts_after(datetime.combine(day, start_time), until, zone):
            day -= DAY
        return day


def starts_after(wall: datetime, until: datetime, zone: ZoneInfo) -> bool:
    return wall > until if until.tzinfo is None else wall.replace(tzinfo=zone) > until


def read_recurrence(pattern: Pattern) -> RecurrenceReading | None:
    """The pattern's `rrule`; None where it has none.

    It is one RRULE, with or without "RRULE:" in front; a DTSTART line is ignored. Raises Refused
    for anything else, such as EXDATE and RDATE lines, for which the pattern has keys of its own.
    """
    value = given(pattern, "rrule")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_RRULE:
        raise Refused("rrule", value)
    parts = parts_of(the_only_rule(value))
    until = until_of(parts.pop("UNTIL", None))
    for name, text in parts.items():
        check(name, text)
    if parts.get("FREQ") not in FREQUENCIES:
        raise Refused("rrule", f"FREQ={parts['FREQ']}" if "FREQ" in parts else value)
    if "BYDAY" in parts:
        parts["BYDAY"] = days_of(parts)
    kept = ";".join(f"{name}={text}" for name, text in parts.items() if name not in TIMES_OF_DAY)
    return RecurrenceReading(RecurrenceRule(kept), until)


def the_only_rule(text: str) -> str:
    """The value of the only RRULE among the lines. Raises Refused."""
    lines = [line.strip().upper() for line in text.splitlines()]
    rules = [line for line in lines if line and not line.startswith(("DTSTART:", "DTSTART;"))]
    if len(rules) != 1:
        raise Refused("rrule", rules[1] if rules else text)
    return rules[0].removeprefix("RRULE:").rstrip(";")


def parts_of(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        name, equals, text = part.partition("=")
        if not (name and equals and text) or name in parts:
            raise Refused("rrule", part or rule)
        parts[name] = text
    return parts


def until_of(text: str | None) -> date | datetime | None:
    """'20261231', '20261231T235959' (wall time) or '20261231T205959Z' (UTC)."""
    if text is None:
        return None
    written = UNTIL.fullmatch(text)
    if written is None:
        raise Refused("rrule", f"UNTIL={text}")
    # Python has no leap seconds; :60 is read as :59.
    second = min(int(written["second"] or 0), 59)
    try:
        if written["time"] is None:
            return date.fromisoformat(text)
        moment = datetime.strptime(f"{text[:13]}{second:02}", "%Y%m%dT%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise Refused("rrule", f"UNTIL={text}") from None
    return moment.replace(tzinfo=UTC) if written["utc"] else moment


def check(name: str, text: str) -> None:
    values = text.split(",")
    if not known(name, values) or (name in SINGLE and len(values) > 1):
        raise Refused("rrule", f"{name}={text}")


def known(name: str, values: list[str]) -> bool:
    """True where each value is allowed for the part."""
    if name in POSITIVE:
        return all(between(1, POSITIVE[name], value) for value in values)
    if name in TIMES_OF_DAY:
        return all(between(0, TIMES_OF_DAY[name], value) for value in values)
    if name in SIGNED:
        return all(between(1, SIGNED[name], unsigned(value)) for value in values)
    if name == "BYDAY":
        return all(is_weekday(value) for value in values)
    return name == "FREQ" or (name == "WKST" and values[0] in WEEKDAYS)


def unsigned(text: str) -> str:
    return text[1:] if text[:1] in ("+", "-") else text


def between(low: int, high: int, text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high


def is_weekday(text: str) -> bool:
    """'MO', '1MO', '-1SU'"""
    ordinal = text[:-2]
    return text[-2:] in WEEKDAYS and (
        not ordinal or between(1, MOST_WEEKDAYS_IN_A_YEAR, unsigned(ordinal))
    )


def days_of(parts: dict[str, str]) -> str:
    """BYDAY; where it mixes plain weekdays and ordinals, the plain ones are written as all of their
    ordinals, as dateutil intersects the two kinds and the RFC unites them."""
    days = parts["BYDAY"].split(",")
    numbered = [day for day in days if day not in WEEKDAYS]
    if not numbered:
        return parts["BYDAY"]
    most = most_ordinals(parts)
    if any(int(unsigned(day[:-2])) > most for day in numbered):
        raise Refused("rrule", f"FREQ={parts['FREQ']};BYDAY={parts['BYDAY']}")
    plain = [f"{n}{day}" for day in days if day in WEEKDAYS for n in range(1, most + 1)]
    return ",".join(numbered + plain)


def most_ordinals(parts: dict[str, str]) -> int:
    """Largest ordinal that BYDAY can have: the number of Mondays that fit into its period. 0 where
    ordinals are not allowed."""
    if parts["FREQ"] == "MONTHLY" or (parts["FREQ"] == "YEARLY" and "BYMONTH" in parts):
        return MOST_WEEKDAYS_IN_A_MONTH
    return MOST_WEEKDAYS_IN_A_YEAR if parts["FREQ"] == "YEARLY" else 0
