"""Record of one HTTP request, as the transport saw it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

from tasks.channels.web.seen import HONOURS_RETRY_AFTER, WebSeen, seen_by_status


@dataclass(slots=True)
class Exchange:
    """Record of one request, filled while it is sent.

    `failure`: the cause if there was no answer, with the system's error text in `words`. Without a
    failure and a status, no connection was made.
    `says_message`: the URL contains the message's text.
    `whole`: the answer's body was read to its end. `body`: its first bytes, undecoded.
    """

    method: str
    host: str
    path: str
    says_message: bool = False
    failure: WebSeen | None = None
    words: str = ""
    status: int | None = None
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False

    def fail(self, seen: WebSeen, words: str) -> None:
        """Record a failure, unless there is one: later ones are consequences of the first."""
        if self.failure is None:
            self.failure, self.words = seen, words

    @property
    def seen(self) -> WebSeen:
        if self.status is not None:
            return seen_by_status(self.status)
        return self.failure or WebSeen.CUT_BEFORE

    @property
    def accepted(self) -> bool:
        return self.seen is WebSeen.ACCEPTED

    @property
    def carries_message(self) -> bool:
        """False for auxiliary requests of a plugin: a token, a login, a look-up. Some services take
        the message itself by GET; its text is then in the URL.
        """
        return self.says_message or not (self.method in QUESTIONS or self.is_login)

    @property
    def is_login(self) -> bool:
        return self.method not in QUESTIONS and self.path.endswith(LOGINS)

    @property
    def wait(self) -> timedelta | None:
        """Retry-After, if the answer has a status that defines it."""
        return retry_after(self.headers) if self.seen in HONOURS_RETRY_AFTER else None


QUESTIONS = {"GET", "HEAD", "OPTIONS"}
LOGINS = ("/token", "/access_token", "/oauth", "/login", "/logout", "/auth", ".createSession")
LONGEST_WAIT = timedelta(days=7)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The value of Retry-After (RFC 9110, 10.2.3): seconds, or a date relative to the answer's own
    Date. Capped at a week, as servers send absurd values.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:9]), 10**8)), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
