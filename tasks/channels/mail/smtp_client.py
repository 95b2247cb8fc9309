"""Client of a mail server: connection, greeting, TLS and login (RFC 5321, 3.1 to 3.2; RFC 3207).

It is smtplib's, with a deadline for a whole dialogue, as a socket's time-out starts again with each
byte.
"""

import re
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from io import BufferedReader
from typing import Any

from tasks.channels.deadline import TimedReads, set_timeout
from tasks.channels.mail.reply import (
    Reply,
    Stopped,
    error_words,
    reply_of,
    reply_words,
    tls_words,
)
from tasks.channels.mail.smtp_outcomes import MailSeen
from tasks.channels.vanished import give_up_when_vanished


class Security(StrEnum):
    """Apprise's `mode`."""

    INSECURE = "insecure"
    STARTTLS = "starttls"
    SSL = "ssl"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server and its login. Without user or password there is no login."""

    host: str
    port: int
    security: Security
    user: str | None
    password: str | None
    tls: ssl.SSLContext
    connect_timeout: timedelta
    answer_timeout: timedelta


class TimedSmtp(smtplib.SMTP):
    """smtplib's client, with a deadline over a whole dialogue."""

    def __init__(self, server: MailServer) -> None:
        self.deadline = float("inf")
        # The name is given, as looking up the host's full name can take seconds with slow DNS.
        super().__init__(local_hostname=ehlo_name(), timeout=server.connect_timeout.total_seconds())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        give_up_when_vanished(plain)
        return plain

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

    def allow(self, seconds: float) -> None:
        """Set the deadline of the dialogue to so many seconds from now."""
        self.deadline = time.monotonic() + seconds


class TimedSmtps(TimedSmtp):
    """The same, with TLS from the first byte."""

    def __init__(self, server: MailServer) -> None:
        self.tls = server.tls
        super().__init__(server)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        return self.tls.wrap_socket(plain, server_hostname=host)


def ehlo_name() -> str:
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"


def open_client(server: MailServer) -> TimedSmtp:
    """Open a connection, with greeting, TLS and login done.

    Connecting has the shorter time-out; greeting, TLS and login together have the longer one.
    Raises Stopped, with the observation, where one of these fails.
    """
    client = (TimedSmtps if server.security is Security.SSL else TimedSmtp)(server)
    client.allow(server.answer_timeout.total_seconds())
    try:
        connect(client, server)
        greet(client, server)
        log_in(client, server)
    except Stopped:
        client.close()
        raise
    return client


def connect(client: TimedSmtp, server: MailServer) -> None:
    try:
        # Needed by starttls(), which checks the certificate against it.
        client._host = server.host  # type: ignore[attr-defined]
        reply = client.connect(server.host, server.port)
    except socket.gaierror as error:
        raise Stopped(MailSeen.NO_NAME, str(error)) from error
    except ssl.SSLError as error:
        raise Stopped(MailSeen.TLS_REFUSED, tls_words(error)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Stopped(connecting_seen(client, error), error_words(error)) from error
    if reply[0] != 220:
        raise Stopped(MailSeen.TURNED_AWAY, reply_words(reply))


def connecting_seen(client: TimedSmtp, error: Exception) -> MailSeen:
    """Observation of a failed connection: with a socket, the greeting is what failed."""
    if client.sock is not None or isinstance(error, smtplib.SMTPException):
        return MailSeen.NO_GREETING
    return MailSeen.CONNECT_TIMEOUT if isinstance(error, TimeoutError) else MailSeen.REFUSED


def greet(client: TimedSmtp, server: MailServer) -> None:
    try:
        client.ehlo_or_helo_if_needed()
        if server.security is Security.STARTTLS:
            client.starttls(context=server.tls)
            client.ehlo_or_helo_if_needed()
    except smtplib.SMTPHeloError as error:
        raise Stopped(MailSeen.TURNED_AWAY, reply_words(reply_of(error))) from error
    except smtplib.SMTPServerDisconnected as error:
        raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error
    except (ssl.SSLError, smtplib.SMTPException) as error:
        raise Stopped(MailSeen.TLS_REFUSED, tls_words(error)) from error
    except OSError as error:
        raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error


def log_in(client: TimedSmtp, server: MailServer) -> None:
    if not (server.user and server.password):
        return
    try:
        client.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        later = 400 <= error.smtp_code < 500
        seen = MailSeen.LOGIN_LATER if later else MailSeen.LOGIN_REFUSED
        raise Stopped(seen, reply_words(reply_of(error))) from error
    except smtplib.SMTPServerDisconnected as error:
        raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error
    except smtplib.SMTPException as error:
        raise Stopped(MailSeen.LOGIN_REFUSED, error_words(error)) from error
    except OSError as error:
        raise Stopped(MailSeen.NO_GREETING, error_words(error)) from error
