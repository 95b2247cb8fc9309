"""Readers of single JSON values of a pattern. A wrong value raises Refused, which shows it.

A wrong type is refused and not converted: true is not 1, and "10" is not 10. A key with null, ""
or [] counts as missing.
"""

import json
from datetime import date, datetime, time

from scheduler.rules.rule import Unreadable
from scheduler.rules.vocabulary import month_of, weekday_of

SHOWN_LENGTH = 80
MOST = 10**9
# Between these days all dates that the settings allow are in the range of Python and PostgreSQL,
# and all instants in the range of a calendar file's 32-bit SEQUENCE.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2079, 12, 31)
NO_VALUE = object()
Pattern = dict[str, object]


class Refused(Exception):
    """A value from which no rule can be read; `unreadable` is the result for the row."""

    def __init__(self, code: str, value: object = NO_VALUE) -> None:
        self.unreadable = Unreadable(code, "" if value is NO_VALUE else shown(value))
        super().__init__(self.unreadable.reason)


def shown(value: object) -> str:
    """A value as printable text in one line of at most 80 characters, valid for PostgreSQL."""
    if isinstance(value, str):
        text = value if len(value) <= SHOWN_LENGTH else value[: SHOWN_LENGTH - 1] + "…"
        # NUL and lone surrogates are valid in JSON, but PostgreSQL refuses them.
        return "".join(c if c.isprintable() else " " for c in text).strip() or '""'
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value, default=str)[:SHOWN_LENGTH]


def is_nothing(value: object) -> bool:
    return value is None or value == "" or value == []


def given(pattern: Pattern, key: str) -> object:
    """The key's value; None where it is missing, null, "" or []."""
    value = pattern.get(key)
    return None if is_nothing(value) else value


def number(pattern: Pattern, key: str) -> int | None:
    """A whole number of 1 or more, limited to MOST, or None. Raises Refused."""
    value = given(pattern, key)
    if value is None:
        return None
    if type(value) is int and value >= 1:
        return min(value, MOST)
    raise Refused(key, value)


def text(pattern: Pattern, key: str) -> str:
    """The key's text; '' where it is missing. Raises Refused."""
    value = given(pattern, key)
    if value is None or isinstance(value, str):
        return value or ""
    raise Refused(key, value)


def weekdays(pattern: Pattern, key: str) -> tuple[int, ...]:
    """Numbers of the weekdays that the key lists, ascending; 0 is Monday. Raises Refused."""
    return tuple(sorted({weekday(key, item) for item in listed(pattern, key)}))


def months(pattern: Pattern, key: str) -> tuple[int, ...]:
    """Numbers of the months that the key lists by name or number, ascending. Raises Refused."""
    return tuple(sorted({month(key, item) for item in listed(pattern, key)}))


def dates(pattern: Pattern, *keys: str) -> tuple[date, ...]:
    """The dates that the keys list, ascending, without duplicates. Raises Refused."""
    found = {calendar_date(key, item) for key in keys for item in listed(pattern, key)}
    return tuple(sorted(found))


def last_date(pattern: Pattern, key: str) -> date | None:
    """The key's date, or None where it is missing. Raises Refused."""
    value = given(pattern, key)
    return None if value is None else calendar_date(key, value)


def listed(pattern: Pattern, key: str) -> list[object]:
    value = given(pattern, key)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise Refused(key, value)


def weekday(key: str, item: object) -> int:
    found = weekday_of(item) if isinstance(item, str) else None
    if found is None:
        raise Refused(key, item)
    return found


def month(key: str, item: object) -> int:
    found = month_of(item) if isinstance(item, str) else None
    if type(item) is int and 1 <= item <= 12:
        found = item
    if found is None:
        raise Refused(key, item)
    return found


def calendar_date(key: str, item: object) -> date:
    """The date of '2026-12-31' or of a timestamp. Raises Refused; also for a timestamp with a zone
    that is not at midnight, as its date at the site may differ."""
    found = date_in(item.strip()) if isinstance(item, str) and len(item) <= 40 else None
    if found is None:
        raise Refused(key, item)
    return found


def date_in(text: str) -> date | None:
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    in_doubt = moment.tzinfo is not None and moment.time() != time.min
    return None if in_doubt else moment.date()
