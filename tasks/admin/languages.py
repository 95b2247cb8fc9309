"""Languages of messages and what they lack, for the command."""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.languages import LANGUAGES
from tasks.messages.template_set import lacking


@dataclass(frozen=True, slots=True)
class Spoken:
    """`spellings`: other codes and names that are read. `lacks`: the templates that English has and
    this language has not."""

    code: str
    name: str
    spellings: Sequence[str]
    lacks: Sequence[str]


def spoken() -> Sequence[Spoken]:
    """The languages, in the order of their introduction."""
    return [
        Spoken(one.code, one.name, sorted(one.spellings), lacking(one.code))
        for one in LANGUAGES.values()
    ]
