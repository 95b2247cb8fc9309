"""One JSON value of a pattern → what it must be, or Refused with the value in short.

JSON has no integer type, but true is no 1 and "10" no 10: a wrong type is refused, not guessed at.
null, "" and [] are nothing: the key might as well not be there.
"""

import json
from datetime import date, datetime, time

from scheduler.rules.rule import Unreadable
from scheduler.rules.words import month_of, weekday_of

SHOWN_LENGTH = 80
MOST = 10**9
# Within these days every span of the settings stays in the calendars of Python and PostgreSQL, and
# an instant in the 32-bit SEQUENCE of a calendar file.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2079, 12, 31)
NO_VALUE = object()
Pattern = dict[str, object]


class Refused(Exception):
    """A value from which no rule can be read; `unreadable` is what the reader is told."""

    def __init__(self, code: str, value: object = NO_VALUE) -> None:
        self.unreadable = Unreadable(code, "" if value is NO_VALUE else shown(value))
        super().__init__(self.unreadable.reason)


def shown(value: object) -> str:
    """A value as a person may read it: one line, at most 80 characters, fit for a text column."""
    if isinstance(value, str):
        text = value if len(value) <= SHOWN_LENGTH else value[: SHOWN_LENGTH - 1] + "…"
        # NUL and lone surrogates are legal in JSON, and PostgreSQL refuses them.
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
    """A whole number from 1. Those beyond every calendar are as good as MOST."""
    value = given(pattern, key)
    if value is None:
        return None
    if type(value) is int and value >= 1:
        return min(value, MOST)
    raise Refused(key, value)


def text(pattern: Pattern, key: str) -> str:
    value = given(pattern, key)
    if value is None or isinstance(value, str):
        return value or ""
    raise Refused(key, value)


def weekdays(pattern: Pattern, key: str) -> tuple[int, ...]:
    """Names of weekdays → ascending numbers, 0 is Monday."""
    return tuple(sorted({weekday(key, item) for item in listed(pattern, key)}))


def months(pattern: Pattern, key: str) -> tuple[int, ...]:
    """Names or numbers of months → ascending numbers, 1 to 12."""
    return tuple(sorted({month(key, item) for item in listed(pattern, key)}))


def dates(pattern: Pattern, *keys: str) -> tuple[date, ...]:
    """The dates under all of the keys, ascending, once each."""
    found = {calendar_date(key, item) for key in keys for item in listed(pattern, key)}
    return tuple(sorted(found))


def last_date(pattern: Pattern, key: str) -> date | None:
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
    """'2026-12-31' → date. A timestamp gives its date as it is written, unless it names a zone and
    is not at midnight: then the site's date may be another, and it is refused."""
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
