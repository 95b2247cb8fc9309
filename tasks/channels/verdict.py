"""Verdict on a try, from what was seen of it (promise 3).

Each transport has an enum of everything it can see (`MailSeen`, `WebSeen`); its values are
verdicts. docs/outcomes.md is checked against them.
"""

from dataclasses import dataclass
from datetime import timedelta

from tasks.channels.outcome import About, Outcome, Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seen`: in words, for the table. `advice`: for an admin, added to the provider's words."""

    seen: str
    result: Result
    about: About = About.MESSAGE
    final: bool = False
    advice: str = ""

    def outcome(self, words: str, wait: timedelta | None = None) -> Outcome:
        """The outcome of a try; the words are redacted already (tasks.channels.redaction)."""
        return Outcome(self.result, words, self.final, wait, self.about)


def sent(seen: str) -> Verdict:
    return Verdict(seen, Result.SENT)


def for_now(seen: str, about: About = About.TRANSPORT, advice: str = "") -> Verdict:
    """Refused or never handed over; the same try may do later."""
    return Verdict(seen, Result.FAILED, about, advice=advice)


def for_good(seen: str, about: About = About.MESSAGE, advice: str = "") -> Verdict:
    """Refused; the same try on this channel will be refused again."""
    return Verdict(seen, Result.FAILED, about, final=True, advice=advice)


def unknown(seen: str) -> Verdict:
    """Handed over, or perhaps so, and nobody said what became of it."""
    return Verdict(seen, Result.UNKNOWN, About.TRANSPORT)
