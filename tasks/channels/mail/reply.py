"""Meaning of a mail server's replies, and of the system's errors where there is no reply."""

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
    """Observation of a mail, and the server's or system's words, which are not redacted yet.

    `code`: that of the server's reply, if the reply decided.
    """

    what: MailSeen
    words: str
    code: int | None = None


class Stopped(Exception):
    """The dialogue about a mail ended before its acceptance."""

    def __init__(self, what: MailSeen, words: str, code: int | None = None) -> None:
        super().__init__(words)
        self.result = SmtpResult(what, words, code)


# Class, subject and detail of an enhanced status code (RFC 3463): at the beginning of the text, or
# as qmail writes it, `(#5.7.1)` at its end.
ENHANCED = re.compile(rb"(?:\s*|.*\(#)[245]\.(\d{1,3})\.(\d{1,3})\b", re.DOTALL)
# What servers without such codes (Exim, Courier) say of a client or a sender they do not serve.
UNSERVED = re.compile(rb"\brelay(ing)?\b|\bauthenticat|\bsender\b", re.IGNORECASE)
ADDRESS = re.compile(rb"\S+@\S+")
ADDRESSES, MAILBOXES, POLICY = 1, 2, 7
SENDERS = {7, 8}  # of ADDRESSES: it is the sender's that is bad
UNAUTHENTICATED = range(20, 30)  # of POLICY: SPF, DKIM, DMARC and the like (RFC 7372)
FULL_OR_OFF = {1, 2, 3}  # of MAILBOXES: not taking mail, full, the mail too long for it


def detail_of(words: bytes) -> tuple[int, int]:
    """Subject and detail of the enhanced status code; (0, 0) without one."""
    found = ENHANCED.match(words)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def recipient_seen(reply: Reply) -> MailSeen:
    """Meaning of a refusal of RCPT.

    Postfix also refuses client and sender only in answer to RCPT (smtpd_delay_reject).
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
    """Meaning of the answer to the final dot. Some servers refuse the recipient only then."""
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
    """The reply, code and text, in smtplib's exception."""
    words = error.smtp_error
    return error.smtp_code, words if isinstance(words, bytes) else str(words).encode()


def reply_words(reply: Reply) -> str:
    """The reply as text, not redacted."""
    code, words = reply
    return f"{code} {words.decode('utf-8', 'replace')}"


def tls_words(error: Exception) -> str:
    """Text of an error of TLS, not redacted."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    reason = getattr(error, "reason", None) or error_words(error)
    return f"TLS: {reason}"


def timed_out(error: Exception) -> bool:
    """True for a time-out, also for one while reading, which smtplib wraps (`__context__`)."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def error_words(error: Exception) -> str:
    """Text of an error of the system, not redacted."""
    if timed_out(error):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
