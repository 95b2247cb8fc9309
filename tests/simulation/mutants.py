"""Deliberate faults: a piece of a statement or a function of the worker's, replaced in memory.

A replacement that finds nothing to replace raises, so that none of them outlives its code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any
from zlib import crc32

from sqlalchemy import TextClause, text

from scheduler.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Change:
    """In `module`, the words `old` of `name` become `new`.

    `name` is a statement, or a function that returns one. Where `instead` is given, it is made of
    the thing itself, whatever that is.
    """

    module: str
    name: str
    old: str = ""
    new: str = ""
    instead: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault somebody could make. `says`: in words, what is wrong then."""

    name: str
    says: str
    changes: tuple[Change, ...]


@contextmanager
def applied(mutant: Mutant | None) -> Iterator[None]:
    """The worker with this fault; None: as it is."""
    before = []
    try:
        for change in mutant.changes if mutant else ():
            module = import_module(change.module)
            thing = getattr(module, change.name)
            before.append((module, change.name, thing))
            setattr(module, change.name, changed(thing, change))
        yield
    finally:
        for module, name, thing in reversed(before):
            setattr(module, name, thing)


def changed(thing: Any, change: Change) -> Any:
    if change.instead is not None:
        return change.instead(thing)
    if isinstance(thing, Prepared):  # under a name of its own: a connection knows the right one
        sql = words(thing.sql, change)
        return replace(thing, name=f"{thing.name}_{crc32(sql.encode())}", sql=sql)
    if isinstance(thing, TextClause):
        return text(words(thing.text, change))
    if callable(thing):
        return lambda *given: changed(thing(*given), change)
    return words(str(thing), change)


def words(statement: str, change: Change) -> str:
    if change.old not in statement:
        raise LookupError(f"{change.module}.{change.name} holds no {change.old!r} to replace.")
    return statement.replace(change.old, change.new)
