"""One connection to a mail server, and what it sees of each mail.

The stages are walked one by one, as what a broken connection means depends on whether the final
dot had left (design promise 3).
"""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from io import BufferedReader
from typing import Any

from tasks.channels.deadline import TimedReads, set_timeout
from tasks.channels.mail.seen import MailSeen

Reply = tuple[int, bytes]
CLOSING = 421


class Security(StrEnum):
    """Apprise's `mode`."""

    INSECURE = "insecure"
    STARTTLS = "starttls"
    SSL = "ssl"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. Without user or password there is no login."""

    host: str
    port: int
    security: Security
    user: str | None
    password: str | None
    tls: ssl.SSLContext
    connect_timeout: timedelta
    answer_timeout: timedelta


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, and what the server or the system said; not yet fit to be shown."""

    what: MailSeen
    words: str


class Stopped(Exception):
    """A mail went no further."""

    def __init__(self, what: MailSeen, words: str) -> None:
        super().__init__(words)
        self.seen = Seen(what, words)


class TimedSmtp(smtplib.SMTP):
    """smtplib's client, with a deadline over a whole dialogue."""

    def __init__(self, server: MailServer) -> None:
        self.deadline = float("inf")
        # A name of our own: asking for the host's full name can take seconds where DNS is slow.
        super().__init__(local_hostname=ehlo_name(), timeout=server.connect_timeout.total_seconds())

    def getreply(self) -> Reply:
        if self.file is None and self.sock is not None:
            self.reads = TimedReads(self.sock)
            self.file: Any = BufferedReader(self.reads)
        self.reads.deadline = self.deadline
        return super().getreply()

    def send(self, s: Any) -> None:
        if self.sock is not None:
            set_timeout(self.sock, self.deadline)
        super().send(s)


class TimedSmtps(TimedSmtp):
    """The same, with TLS from the first byte."""

    def __init__(self, server: MailServer) -> None:
        self.tls = server.tls
        super().__init__(server)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        return self.tls.wrap_socket(plain, server_hostname=host)


def ehlo_name() -> str:
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"


class SmtpConnection:
    """A connection, begun with the first mail and kept until `close`. For one thread."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._client: TimedSmtp | None = None
        self._carried = 0

    def deliver(self, sender: str, person: str, copies: Sequence[str], content: bytes) -> Seen:
        """Hand one mail in. `person` decides; a copy that is refused is mentioned.

        `content`: with CRLF line ends, dots not yet doubled. A kept connection that turns out to
        be dead before anything was handed over, or that takes no further mail, is begun anew, once.
        """
        kept, carried = self._client is not None, self._carried
        seen = self._try(sender, person, copies, content)
        dead = kept and seen.what is MailSeen.CUT_BEFORE
        tired = carried > 0 and seen.what is MailSeen.MAIL_LATER
        if dead or tired:
            self._drop()
            seen = self._try(sender, person, copies, content)
        return seen

    def close(self) -> None:
        """Say goodbye, without waiting long for the answer."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.deadline = time.monotonic() + GOODBYE_SECONDS
            client.quit()
        except (OSError, smtplib.SMTPException):
            client.close()

    def _try(self, sender: str, person: str, copies: Sequence[str], content: bytes) -> Seen:
        try:
            client = self._client or self._begin()
            self._extend(client)
            return self._hand_in(client, sender, person, copies, content)
        except Stopped as stopped:
            return stopped.seen

    def _extend(self, client: TimedSmtp) -> None:
        client.deadline = time.monotonic() + self.server.answer_timeout.total_seconds()

    # Beginning

    def _begin(self) -> TimedSmtp:
        secure = self.server.security is Security.SSL
        client = (TimedSmtps if secure else TimedSmtp)(self.server)
        try:
            self._connect(client)
            self._greet(client)
            self._log_in(client)
        except Stopped:
            client.close()
            raise
        self._client, self._carried = client, 0
        return client

    def _connect(self, client: TimedSmtp) -> None:
        server = self.server
        self._extend(client)
        try:
            # Needed by starttls(), which checks the certificate against it.
            client._host = server.host  # type: ignore[attr-defined]
            code, words = client.connect(server.host, server.port)
        except socket.gaierror as error:
            raise Stopped(MailSeen.NO_NAME, str(error)) from error
        except ssl.SSLError as error:
            raise Stopped(MailSeen.TLS_REFUSED, tls_words(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise Stopped(connecting_seen(client, error), error_words(error)) from error
        if code != 220:
            raise Stopped(MailSeen.TURNED_AWAY, reply_words(code, words))

    def _greet(self, client: TimedSmtp) -> None:
        try:
            client.ehlo_or_helo_if_needed()
            if self.server.security is Security.STARTTLS:
                client.starttls(context=self.server.tls)
                client.ehlo_or_helo_if_needed()
        except smtplib.SMTPHeloError as error:
            raise Stopped(MailSeen.TURNED_AWAY, reply_words(*code_and_words(error))) from error
        except smtplib.SMTPServerDisconnected as error:
            raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error
        except (ssl.SSLError, smtplib.SMTPException) as error:
            raise Stopped(MailSeen.TLS_REFUSED, tls_words(error)) from error
        except OSError as error:
            raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error

    def _log_in(self, client: TimedSmtp) -> None:
        if not (self.server.user and self.server.password):
            return
        try:
            client.login(self.server.user, self.server.password)
        except smtplib.SMTPAuthenticationError as error:
            later = 400 <= error.smtp_code < 500
            seen = MailSeen.LOGIN_LATER if later else MailSeen.LOGIN_REFUSED
            raise Stopped(seen, reply_words(*code_and_words(error))) from error
        except smtplib.SMTPServerDisconnected as error:
            raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error
        except smtplib.SMTPException as error:
            raise Stopped(MailSeen.LOGIN_REFUSED, error_words(error)) from error
        except OSError as error:
            raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error

    # One mail

    def _hand_in(
        self, client: TimedSmtp, sender: str, person: str, copies: Sequence[str], content: bytes
    ) -> Seen:
        try:
            self._expect(2, client.mail(sender), MailSeen.MAIL_LATER, MailSeen.MAIL_REFUSED)
            self._expect(2, client.rcpt(person), MailSeen.RCPT_LATER, MailSeen.RCPT_REFUSED)
            refused = [copy for copy in copies if client.rcpt(copy)[0] // 100 != 2]
            self._expect(3, client.docmd("DATA"), MailSeen.DATA_LATER, MailSeen.DATA_REFUSED)
            client.send(dotted(content))
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            seen = MailSeen.TIMEOUT_BEFORE if timed_out(error) else MailSeen.CUT_BEFORE
            raise Stopped(seen, error_words(error)) from error
        return self._end(client, "; a copy was refused" if refused else "")

    def _end(self, client: TimedSmtp, remark: str) -> Seen:
        """The final dot has left: from here on, no answer means unknown."""
        self._extend(client)
        try:
            code, words = client.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            seen = MailSeen.TIMEOUT_AFTER if timed_out(error) else MailSeen.CUT_AFTER
            return Seen(seen, error_words(error))
        self._carried += 1
        seen = ENDINGS.get(code // 100, MailSeen.GARBLED)
        if seen is MailSeen.GARBLED or code == CLOSING:
            self._drop()
        return Seen(seen, reply_words(code, words) + remark)

    def _expect(self, hundreds: int, reply: Reply, later: MailSeen, refused: MailSeen) -> None:
        """Go on after such a code; else leave the connection fit for the next mail, and stop."""
        code, words = reply
        if code // 100 == hundreds:
            return
        if code == CLOSING or not self._reset():
            self._drop()
        raise Stopped(refused if 500 <= code < 600 else later, reply_words(code, words))

    def _reset(self) -> bool:
        try:
            return self._client is not None and self._client.rset()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


GOODBYE_SECONDS = 2
ENDINGS = {2: MailSeen.ACCEPTED, 4: MailSeen.BODY_LATER, 5: MailSeen.BODY_REFUSED}


def connecting_seen(client: TimedSmtp, error: Exception) -> MailSeen:
    """With a socket the connection stood, and the greeting is what failed."""
    if client.sock is not None or isinstance(error, smtplib.SMTPException):
        return MailSeen.NO_GREETING
    return MailSeen.CONNECT_TIMEOUT if isinstance(error, TimeoutError) else MailSeen.REFUSED


def dotted(content: bytes) -> bytes:
    """The content as it goes over the line: dots doubled, and the final one (RFC 5321, 4.5.2)."""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return re.sub(rb"(?m)^\.", b"..", content) + end


def code_and_words(error: smtplib.SMTPResponseException) -> Reply:
    words = error.smtp_error
    return error.smtp_code, words if isinstance(words, bytes) else str(words).encode()


def reply_words(code: int, words: bytes) -> str:
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
