"""Readers of answers in plain text."""

import re
from dataclasses import dataclass

from tasks.channels.redaction import one_line
from tasks.channels.web.services.body import fit_id, has_tags, plain_text
from tasks.channels.web.services.form import NEVER, refusal_of
from tasks.channels.web.services.service_words import Reading, Stance

# Short texts by which SMS gateways refuse a message. Any other text that is not the yes is
# indecisive: a portal's page, an empty answer.
NO = re.compile(
    r"^\W*-\d|\b(err|error|errors|fail|failed|failure|invalid|rejected|refused|denied|missing"
    r"|insufficient|wrong|expired|blocked|unknown|unauthori[sz]ed|forbidden|not|no|cannot|unable"
    r"|authori[sz]ation)\b|\berr(or)?[_\d]",
    re.IGNORECASE,
)
LONGEST_NO = 300


@dataclass(frozen=True, slots=True)
class PlainWords:
    """Patterns that match from the start of an answer. The group of `yes`, if it has one, is the
    provider's id; the group of `no` is the reason. The other patterns match whole reasons."""

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
    """True if a short text is a refusal. Pages and long texts are not."""
    return len(text) <= LONGEST_NO and not has_tags(text) and NO.search(text) is not None
