"""Languages of messages and their missing templates, for the command."""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.languages import LANGUAGES
from tasks.messages.template_set import missing_templates


@dataclass(frozen=True, slots=True)
class Spoken:
    """`spellings`: other codes and names that are read. `missing`: the templates that English has
    and this language does not have."""

    code: str
    name: str
    spellings: Sequence[str]
    missing: Sequence[str]


def spoken() -> Sequence[Spoken]:
    """The languages, in the order of their introduction."""
    return [
        Spoken(one.code, one.name, sorted(one.spellings), missing_templates(one.code))
        for one in LANGUAGES.values()
    ]
