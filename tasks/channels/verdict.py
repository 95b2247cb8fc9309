"""What was seen of a try, and what that makes of it (promise 3).

Each transport has an enum of everything it can see (`MailSeen`, `WebSeen`); its values are
verdicts. docs/outcomes.md is checked against them.
"""

from dataclasses import dataclass
from datetime import timedelta

from tasks.channels.outcome import Outcome, Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seen`: in words, for the table. `advice`: added to the provider's words, for the admin."""

    seen: str
    result: Result
    final: bool = False
    advice: str = ""

    def outcome(self, words: str, wait: timedelta | None = None) -> Outcome:
        """The outcome of a try; the words are redacted already (tasks.channels.redaction)."""
        return Outcome(self.result, words, self.final, wait)


def sent(seen: str) -> Verdict:
    return Verdict(seen, Result.SENT)


def for_now(seen: str, advice: str = "") -> Verdict:
    """Refused or never handed over; the same try may do later."""
    return Verdict(seen, Result.FAILED, advice=advice)


def for_good(seen: str, advice: str = "") -> Verdict:
    """Refused; the same try on this channel will be refused again."""
    return Verdict(seen, Result.FAILED, final=True, advice=advice)


def unknown(seen: str) -> Verdict:
    """Handed over, or perhaps so, and nobody said what became of it."""
    return Verdict(seen, Result.UNKNOWN)
