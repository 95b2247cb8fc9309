"""Answers in plain words rather than in a structure."""

import re
from dataclasses import dataclass

from tasks.channels.redaction import one_line
from tasks.channels.web.services.body import fit_id, has_tags, plain_text
from tasks.channels.web.services.form import NEVER, refusal_of
from tasks.channels.web.services.service_words import Reading, Stance

# What a gateway that is asked for an SMS says in a few words where it does not take it. Anything
# else that is not the yes is neither: a page of a portal, an empty answer.
NO = re.compile(
    r"^\W*-\d|\b(err|error|errors|fail|failed|failure|invalid|rejected|refused|denied|missing"
    r"|insufficient|wrong|expired|blocked|unknown|unauthori[sz]ed|forbidden|not|no|cannot|unable"
    r"|authori[sz]ation)\b|\berr(or)?[_\d]",
    re.IGNORECASE,
)
LONGEST_NO = 300


@dataclass(frozen=True, slots=True)
class PlainWords:
    """Patterns from the start of an answer on. The group of `yes`, if there is one, is the
    provider's id, that of `no` the reason; the other patterns are of whole reasons."""

    yes: str
    no: str
    person: str = NEVER
    message: str = NEVER
    channel: str = NEVER
    balance: str = NEVER
    passing: str = NEVER
    tells: bool = True

    def read(self, body: bytes, status: int) -> Reading:
        text = plain_text(body)
        words = one_line(text)[:LONGEST_NO]
        if found := re.match(self.yes, text, re.IGNORECASE):
            return Reading(Stance.YES, words, provider_id=fit_id(group_of(found)))
        if found := re.match(self.no, text, re.IGNORECASE):
            return Reading(Stance.NO, words, refusal_of(self, group_of(found), words))
        return Reading(Stance.NEITHER, words)


def group_of(found: re.Match[str]) -> str:
    return (found[1] or "") if found.re.groups else ""


def says_no(text: str) -> bool:
    """Whether a few plain words are a refusal. A page is not, nor are many words."""
    return len(text) <= LONGEST_NO and not has_tags(text) and NO.search(text) is not None
