"""Connection to a mail server, and its observation of each mail.

The stages of a mail are separate steps, as the meaning of a broken connection depends on whether
the final dot was sent (design promise 3). Servers limit the mails and refusals on one connection
(docs/decisions/0036); at the limit the next mail opens a new one.
"""

import re
import smtplib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.channels.handover import CalledOff, begin_handover
from tasks.channels.mail.reply import (
    CLOSING,
    Reply,
    SmtpResult,
    Stopped,
    content_seen,
    error_words,
    recipient_seen,
    reply_words,
    timed_out,
)
from tasks.channels.mail.smtp_client import MailServer, TimedSmtp, open_client
from tasks.channels.mail.smtp_outcomes import MailSeen

# Consecutive refusals after which a new connection is opened: Postfix delays its answers by a
# second from the tenth on (smtpd_soft_error_limit), and hangs up at the twentieth.
REFUSALS_IN_A_ROW = 5
# Also the reply "too many on this connection" (RFC 5321, 4.5.3.1.10).
TOO_MANY = 452
GOODBYE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class SmtpEnvelope:
    """Sender and recipients of a mail. A refused copy is mentioned, but does not fail the mail."""

    sender: str
    person: str
    copies: Sequence[str] = ()


class SmtpConnection:
    """A connection, opened with the first mail and kept until `close`. For one thread."""

    def __init__(self, server: MailServer, mails_at_most: int) -> None:
        """`mails_at_most`: number of mails on one connection, after which a new one is opened."""
        self.server = server
        self._mails_at_most = mails_at_most
        self._client: TimedSmtp | None = None
        self._taken = 0
        self._refusals = 0

    def deliver(self, envelope: SmtpEnvelope, content: bytes) -> SmtpResult:
        """Hand in one mail.

        `content`: with CRLF line ends, dots not yet doubled (RFC 5321, 4.5.2). A kept connection
        that is dead before anything was handed over, or accepts no further mail, is replaced once.
        """
        if self._taken >= self._mails_at_most or self._refusals >= REFUSALS_IN_A_ROW:
            self.close()
        kept, taken = self._client is not None, self._taken
        result = self._try(envelope, content)
        dead = kept and result.what is MailSeen.CUT_BEFORE
        tired = kept and taken > 0 and is_enough(result)
        if dead or tired:
            self._drop()
            result = self._try(envelope, content)
        return result

    def close(self) -> None:
        """Quit, without waiting long for the answer."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.allow(GOODBYE_SECONDS)
            client.quit()
        except (OSError, smtplib.SMTPException):
            client.close()

    def _try(self, envelope: SmtpEnvelope, content: bytes) -> SmtpResult:
        try:
            client = self._client or self._begin()
            self._extend(client)
            return self._hand_in(client, envelope, content)
        except Stopped as stopped:
            return stopped.result

    def _begin(self) -> TimedSmtp:
        self._client, self._taken, self._refusals = open_client(self.server), 0, 0
        return self._client

    def _extend(self, client: TimedSmtp) -> None:
        client.allow(self.server.answer_timeout.total_seconds())

    def _hand_in(self, client: TimedSmtp, envelope: SmtpEnvelope, content: bytes) -> SmtpResult:
        try:
            self._expect(2, client.mail(envelope.sender), sender_seen)
            self._expect(2, client.rcpt(envelope.person), recipient_seen)
            refused = [copy for copy in envelope.copies if client.rcpt(copy)[0] // 100 != 2]
            self._expect(3, client.docmd("DATA"), data_seen)
            begin_handover()
            client.send(dotted(content))
        except CalledOff:
            self._drop()
            raise
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            seen = MailSeen.TIMEOUT_BEFORE if timed_out(error) else MailSeen.CUT_BEFORE
            raise Stopped(seen, error_words(error)) from error
        return self._end(client, "; a copy was refused" if refused else "")

    def _end(self, client: TimedSmtp, remark: str) -> SmtpResult:
        """Read the answer to the final dot. From here on, no answer means unknown."""
        self._extend(client)
        try:
            reply = client.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            seen = MailSeen.TIMEOUT_AFTER if timed_out(error) else MailSeen.CUT_AFTER
            return SmtpResult(seen, error_words(error))
        seen = content_seen(reply)
        self._count(seen)
        if seen in (MailSeen.GARBLED, MailSeen.CLOSING):
            self._drop()
        return SmtpResult(seen, reply_words(reply) + remark, reply[0])

    def _count(self, seen: MailSeen) -> None:
        if seen is MailSeen.ACCEPTED:
            self._taken, self._refusals = self._taken + 1, 0
        else:
            self._refusals += 1

    def _expect(self, hundreds: int, reply: Reply, refusal: Callable[[Reply], MailSeen]) -> None:
        """Continue after a code of these hundreds; otherwise reset the connection for the next mail
        and raise Stopped."""
        if reply[0] // 100 == hundreds:
            return
        seen = refusal(reply)
        self._count(seen)
        if seen is MailSeen.CLOSING or not self._reset():
            self._drop()
        raise Stopped(seen, reply_words(reply), reply[0])

    def _reset(self) -> bool:
        try:
            return self._client is not None and self._client.rset()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def is_enough(result: SmtpResult) -> bool:
    """True where a new connection may get a different answer. Nothing was accepted."""
    if result.code == TOO_MANY and result.what in (MailSeen.RCPT_LATER, MailSeen.DATA_LATER):
        return True
    return result.what in (MailSeen.MAIL_LATER, MailSeen.CLOSING)


def sender_seen(reply: Reply) -> MailSeen:
    code, _ = reply
    if code == CLOSING:
        return MailSeen.CLOSING
    return MailSeen.MAIL_REFUSED if 500 <= code < 600 else MailSeen.MAIL_LATER


def data_seen(reply: Reply) -> MailSeen:
    code, _ = reply
    if code == CLOSING:
        return MailSeen.CLOSING
    return MailSeen.DATA_REFUSED if 500 <= code < 600 else MailSeen.DATA_LATER


def dotted(content: bytes) -> bytes:
    """The content for DATA: with doubled dots and the final dot (RFC 5321, 4.5.2)."""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return re.sub(rb"(?m)^\.", b"..", content) + end
