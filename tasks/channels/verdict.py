"""Verdict on a try by the transport's observation (promise 3).

Each transport has an enum of its possible observations (`MailSeen`, `WebSeen`), whose values are
verdicts. A test compares docs/outcomes.md with them.
"""

from dataclasses import dataclass
from datetime import timedelta

from tasks.channels.outcome import About, Outcome, Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """Meaning of an observation. `seen`: its text in docs/outcomes.md. `advice`: added to the
    provider's words for an admin."""

    seen: str
    result: Result
    about: About = About.MESSAGE
    final: bool = False
    advice: str = ""

    def outcome(self, words: str, wait: timedelta | None = None) -> Outcome:
        """The outcome of a try; the words are redacted already (tasks.channels.redaction)."""
        return Outcome(self.result, words, self.final, wait, self.about)


def sent(seen: str) -> Verdict:
    """Accepted by the provider."""
    return Verdict(seen, Result.SENT)


def for_now(seen: str, about: About = About.TRANSPORT, advice: str = "") -> Verdict:
    """Refused or never handed over; another try may succeed later."""
    return Verdict(seen, Result.FAILED, about, advice=advice)


def for_good(seen: str, about: About = About.MESSAGE, advice: str = "") -> Verdict:
    """Refused; another try on this channel would be refused again."""
    return Verdict(seen, Result.FAILED, about, final=True, advice=advice)


def unknown(seen: str) -> Verdict:
    """Handed over, or possibly so, without an answer that decides."""
    return Verdict(seen, Result.UNKNOWN, About.TRANSPORT)
