# ruff: noqa: N802 (aiosmtpd finds its hooks by the verb in capitals)
"""A mail server that records mails, and answers as configured.

    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient="gone@tutoring.example")
    smtp_sink.reply("BODY", "421 4.3.2 shutting down", times=1)
    smtp_sink.disconnect("BODY")         # the mail was handed over, and no answer comes
    smtp_sink.stall("RCPT", seconds=30)  # the client's time-out decides

Stages: CONNECT (the greeting), EHLO, AUTH, MAIL, RCPT, DATA (in place of 354), BODY (the answer to
the whole mail). A recipient is tried at RCPT, DATA and BODY; at the latter any of the mail's.
"""

import asyncio
import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tasks.demo.mailbox import AnyPortController
from tests.sinks.answers import Script

Stage = str
EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` None: disconnect. A 421 disconnects after it, as RFC 5321 §3.8 has it."""

    status: str | None
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, as handed over. `accepted`: True if the client got 250."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    received_at: datetime
    accepted: bool

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain", "html"))
        return str(body.get_content()) if body else ""


class Disconnected(ConnectionResetError):
    """The script ended the connection; aiosmtpd then lets it go without an answer."""


class SmtpSink(AbstractContextManager["SmtpSink"]):
    """`mails` has every mail handed over, accepted or not; `connections` counts those begun,
    `stalled` the answers that come late or have, by stage.

    Any user and password are let in; `logins` has the users' names.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.logins: list[str] = []
        self.connections = 0
        self.stalled: Counter[Stage] = Counter()
        self._script: Script[Answer] = Script()
        self._open: set[SMTP] = set()
        self._controller = SinkController(self)

    def __enter__(self) -> Self:
        self._controller.start()
        self.reset()  # the controller itself tried a connection
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reset()
        self._controller.stop()

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def accepted(self) -> list[Mail]:
        return [mail for mail in self.mails if mail.accepted]

    def mails_to(self, recipient: str) -> list[Mail]:
        """The mails handed over for one address, in order, accepted or not."""
        return [mail for mail in self.mails if recipient in mail.recipients]

    def reply(
        self, stage: Stage, status: str, *, recipient: str | None = None, times: int | None = None
    ) -> None:
        self._script.add(stage, recipient, Answer(status), times)

    def disconnect(
        self, stage: Stage, *, recipient: str | None = None, times: int | None = None
    ) -> None:
        self._script.add(stage, recipient, Answer(None), times)

    def stall(
        self,
        stage: Stage,
        seconds: float,
        *,
        status: str = "250 OK",
        recipient: str | None = None,
        times: int | None = None,
    ) -> None:
        """Answer late."""
        self._script.add(stage, recipient, Answer(status, seconds), times)

    def reset(self) -> None:
        """Forget everything, and close open connections."""
        self._script.clear()
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._controller.loop).result(5)
        self.mails, self.logins, self.connections, self.stalled = [], [], 0, Counter()

    def recover(self) -> None:
        """Accept everything again; what was recorded stays."""
        self._script.clear()

    async def _hang_up(self) -> None:
        for protocol in list(self._open):
            if isinstance(protocol.transport, asyncio.Transport):
                protocol.transport.abort()

    async def answer(
        self, protocol: SMTP, stage: Stage, recipients: list[str], default: str
    ) -> str:
        answer = self._answer_for(stage, recipients or [EVERYBODY], Answer(default))
        if answer.delay_seconds:
            self.stalled[stage] += 1
        await asyncio.sleep(answer.delay_seconds)
        if answer.status is None:
            raise Disconnected
        if answer.status.startswith("421"):
            await protocol.push(answer.status)
            raise Disconnected
        return answer.status

    def _answer_for(self, stage: Stage, recipients: list[str], default: Answer) -> Answer:
        tried: Iterator[Answer] = (
            self._script.answer_to(stage, recipient, default) for recipient in recipients
        )
        return next((answer for answer in tried if answer is not default), default)

    def opened(self, protocol: SMTP) -> None:
        self.connections += 1
        self._open.add(protocol)

    def closed(self, protocol: SMTP) -> None:
        self._open.discard(protocol)


class SinkController(AnyPortController):
    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        super().__init__(Hooks(sink), hostname=sink.host, port=0)

    def factory(self) -> SMTP:
        return SinkProtocol(self.sink, self.handler)


class SinkProtocol(SMTP):
    def __init__(self, sink: SmtpSink, handler: Any) -> None:
        self.sink = sink
        super().__init__(
            handler,
            hostname="sink.example.et",
            authenticator=self.let_in,
            auth_require_tls=False,
            enable_SMTPUTF8=True,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.sink.opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.sink.closed(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        try:
            greeting = await self.sink.answer(self, "CONNECT", [], "220")
            if greeting != "220":
                await self.push(greeting)
                self._writer.close()
                return
            await super()._handle_client()
        except Disconnected:
            self._writer.close()

    async def smtp_DATA(self, arg: str) -> None:
        assert self.envelope is not None
        status = await self.sink.answer(self, "DATA", self.envelope.rcpt_tos, "354")
        if status == "354":
            await super().smtp_DATA(arg)
        else:
            await self.push(status)

    def let_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        self.sink.logins.append(data.login.decode())
        return AuthResult(success=True)


class Hooks:
    """aiosmtpd's handler: one hook a verb."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        status = await self.sink.answer(server, "EHLO", [], "250")
        session.host_name = hostname
        return lines if status == "250" else [status]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        status = await self.sink.answer(server, "MAIL", [], "250 OK")
        if status.startswith("2"):
            envelope.mail_from = address
        return status

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        status = await self.sink.answer(server, "RCPT", [address], "250 OK")
        if status.startswith("2"):
            envelope.rcpt_tos.append(address)
        return status

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        status = "disconnected"
        try:
            status = await self.sink.answer(server, "BODY", envelope.rcpt_tos, "250 OK")
        finally:
            self.sink.mails.append(mail_of(envelope, status))
        return status


def mail_of(envelope: Envelope, status: str) -> Mail:
    return Mail(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        content=bytes(envelope.original_content or b""),
        received_at=datetime.now(UTC),
        accepted=status.startswith("2"),
    )
