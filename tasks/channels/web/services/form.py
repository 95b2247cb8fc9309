"""Description of a service's JSON answers: the paths of yes and no, and the meaning of reasons."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from tasks.channels.web.seen import WebSeen
from tasks.channels.web.services.body import find, first, fit_id, structure
from tasks.channels.web.services.service_words import Reading, Stance

NEVER = r"(?!)"
ANYTHING = r"[\s\S]*"


@dataclass(frozen=True, slots=True)
class Mark:
    """A path at which a service says yes or no, and a pattern for each. Patterns match whole
    values, ignoring case; `yes` is tried first. A value that matches neither is indecisive.
    """

    path: str
    yes: str = NEVER
    no: str = ANYTHING


@dataclass(frozen=True, slots=True)
class Form:
    """Form of one service's answers. `marks`: the first whose path has a value decides; with
    several values (a message in parts) all must say yes. `code`: paths to the reason of a no. The
    five patterns match whole codes; `otherwise` is the meaning of all others. `wait`: path to the
    seconds to wait. `statuses`: HTTP statuses with a special meaning here, whatever the body."""

    marks: tuple[Mark, ...] = ()
    id: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    person: str = NEVER
    message: str = NEVER
    channel: str = NEVER
    balance: str = NEVER
    passing: str = NEVER
    wait: tuple[str, ...] = ()
    otherwise: WebSeen = WebSeen.REFUSED_MESSAGE
    statuses: Mapping[int, WebSeen] = field(default_factory=dict)

    @property
    def tells(self) -> bool:
        return any(mark.yes != NEVER for mark in self.marks)

    def read(self, body: bytes, status: int) -> Reading:
        value = structure(body)
        stance = self.stance_of(value)
        code = first(value, *self.code)
        said = first(value, *self.words)
        words = f"{said} ({code})" if said and code and code not in said else said or code
        refusal = self.statuses.get(status) or refusal_of(self, code, said, self.otherwise)
        if stance is Stance.NEITHER and status in self.statuses:
            stance = Stance.NO
        if stance is Stance.NO and status >= 500 and not self.is_its_own(value, code, status):
            stance = Stance.NEITHER
        wait = seconds(first(value, *self.wait))
        return Reading(stance, words, refusal, fit_id(first(value, *self.id)), wait)

    def stance_of(self, value: Any) -> Stance:
        mark, found = self.marked(value)
        return together({stance_at(mark, each) for each in found}) if mark else Stance.NEITHER

    def is_its_own(self, value: Any, code: str, status: int) -> bool:
        """True if a no under 5xx is the service's own: it has a code of its own, or an outright
        false. Proxies answer `{"status": 502, "error": …}` or
        `{"code": 502, "message": …}`."""
        _, found = self.marked(value)
        return bool(code) and (code != str(status) or "false" in found)

    def marked(self, value: Any) -> tuple[Mark | None, list[str]]:
        """The mark that decides, and the values at its path."""
        for mark in self.marks:
            if found := find(value, mark.path):
                return mark, found
        return None, []


class Reasons(Protocol):
    """Patterns of whole codes or sentences, grouped by what is at fault."""

    @property
    def person(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def balance(self) -> str: ...
    @property
    def passing(self) -> str: ...


def refusal_of(
    reasons: Reasons, code: str, words: str, otherwise: WebSeen = WebSeen.REFUSED_MESSAGE
) -> WebSeen:
    """The kind of refusal, by its code, or by its sentence where the code is not known."""
    kinds = (
        (reasons.person, WebSeen.REFUSED_PERSON),
        (reasons.balance, WebSeen.UNPAID),
        (reasons.channel, WebSeen.REFUSED_CHANNEL),
        (reasons.passing, WebSeen.REFUSED_NOW),
        (reasons.message, WebSeen.REFUSED_MESSAGE),
    )
    for said in filter(None, (code, words)):
        for pattern, seen in kinds:
            if fits(pattern, said):
                return seen
    return otherwise


def stance_at(mark: Mark, value: str) -> Stance:
    """The stance of one value at the mark's path."""
    if fits(mark.yes, value):
        return Stance.YES
    return Stance.NO if fits(mark.no, value) else Stance.NEITHER


def together(stances: set[Stance]) -> Stance:
    """The stance of a message in parts, by the stances of its parts."""
    if len(stances) == 1:
        return stances.pop()
    return Stance.PARTLY if Stance.YES in stances else Stance.NEITHER


def fits(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value, re.IGNORECASE) is not None


LONGEST_WAIT = timedelta(days=7)


def seconds(text: str) -> timedelta | None:
    found = re.fullmatch(r"(\d{1,9})(\.\d*)?", text)
    return min(timedelta(seconds=int(found[1])), LONGEST_WAIT) if found else None
