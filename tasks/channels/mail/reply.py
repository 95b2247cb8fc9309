"""A mail server's replies, and the system's errors in their place: in words, and whose trouble."""

import re
import smtplib
import ssl
from dataclasses import dataclass

from tasks.channels.mail.smtp_outcomes import MailSeen

Reply = tuple[int, bytes]
CLOSING = 421
LOGIN_WANTED = 530


@dataclass(frozen=True, slots=True)
class SmtpResult:
    """What was seen of a mail, and what the server or the system said; not yet fit to be shown.

    `code`: of the server's reply, where that decided.
    """

    what: MailSeen
    words: str
    code: int | None = None


class Stopped(Exception):
    """A mail went no further."""

    def __init__(self, what: MailSeen, words: str, code: int | None = None) -> None:
        super().__init__(words)
        self.result = SmtpResult(what, words, code)


# The class, subject and detail of an enhanced status code (RFC 3463): at the head of the words, or
# as qmail puts it, `(#5.7.1)` behind them.
ENHANCED = re.compile(rb"(?:\s*|.*\(#)[245]\.(\d{1,3})\.(\d{1,3})\b", re.DOTALL)
# What servers without such codes (Exim, Courier) say of a client or a sender they do not serve.
UNSERVED = re.compile(rb"\brelay(ing)?\b|\bauthenticat|\bsender\b", re.IGNORECASE)
ADDRESS = re.compile(rb"\S+@\S+")
ADDRESSES, MAILBOXES, POLICY = 1, 2, 7
SENDERS = {7, 8}  # of ADDRESSES: it is the sender's that is bad
UNAUTHENTICATED = range(20, 30)  # of POLICY: SPF, DKIM, DMARC and the like (RFC 7372)
FULL_OR_OFF = {1, 2, 3}  # of MAILBOXES: not taking mail, full, the mail too long for it


def detail_of(words: bytes) -> tuple[int, int]:
    """Subject and detail; (0, 0) where the server gave none."""
    found = ENHANCED.match(words)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def recipient_seen(reply: Reply) -> MailSeen:
    """What a refusal in answer to RCPT is about.

    Postfix keeps what it has against the client and the sender until then (smtpd_delay_reject).
    """
    code, words = reply
    subject, detail = detail_of(words)
    if code == CLOSING:
        return MailSeen.CLOSING
    if 500 <= code < 600:
        unwelcome = subject == POLICY or (subject == ADDRESSES and detail in SENDERS)
        unwelcome |= subject == 0 and UNSERVED.search(ADDRESS.sub(b"", words)) is not None
        return MailSeen.UNWELCOME if unwelcome or code == LOGIN_WANTED else MailSeen.RCPT_REFUSED
    mailbox = subject == MAILBOXES and detail in FULL_OR_OFF
    return MailSeen.MAILBOX_LATER if mailbox else MailSeen.RCPT_LATER


def content_seen(reply: Reply) -> MailSeen:
    """What the answer to the final dot says. Some servers name the person's trouble only then."""
    code, words = reply
    subject, detail = detail_of(words)
    if code == CLOSING:
        return MailSeen.CLOSING
    if code // 100 != 5:
        return {2: MailSeen.ACCEPTED, 4: MailSeen.BODY_LATER}.get(code // 100, MailSeen.GARBLED)
    if subject == POLICY and detail in UNAUTHENTICATED:
        return MailSeen.UNAUTHENTICATED
    person = subject == MAILBOXES or (subject == ADDRESSES and detail not in SENDERS)
    return MailSeen.BODY_REFUSED_PERSON if person else MailSeen.BODY_REFUSED


def reply_of(error: smtplib.SMTPResponseException) -> Reply:
    words = error.smtp_error
    return error.smtp_code, words if isinstance(words, bytes) else str(words).encode()


def reply_words(reply: Reply) -> str:
    code, words = reply
    return f"{code} {words.decode('utf-8', 'replace')}"


def tls_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    reason = getattr(error, "reason", None) or error_words(error)
    return f"TLS: {reason}"


def timed_out(error: Exception) -> bool:
    """smtplib wraps a time-out while reading, and keeps it as the context."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def error_words(error: Exception) -> str:
    if timed_out(error):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
