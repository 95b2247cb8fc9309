"""The mail server of the demo: it accepts and keeps every mail, and nothing leaves the machine."""

import asyncio
import email
import email.policy
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the demo's mail server received."""

    recipient: str
    subject: str
    received_at: datetime


class AnyPortController(Controller):
    """aiosmtpd's controller on a port that the system chooses; `port` holds it once it runs."""

    def _trigger_server(self) -> None:
        # The base class connects to the given port, which is 0 for any: replace it by the real one.
        assert isinstance(self.server, asyncio.Server)  # noqa: S101
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Mailbox(AbstractContextManager["Mailbox"]):
    """A running mail server and the mails that it received, in order."""

    def __init__(self) -> None:
        self._mails: list[Mail] = []
        self._controller = AnyPortController(self, hostname=HOST, port=0)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()

    @property
    def mails(self) -> tuple[Mail, ...]:
        return tuple(self._mails)

    @property
    def channel_url(self) -> str:
        """The value of CHANNEL_EMAIL with which the worker's mails come here."""
        sender = "from=sessions@tutoring.example"
        return f"mailto://{HOST}:{self._controller.port}?{sender}&to={{email}}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        message = email.message_from_bytes(
            bytes(envelope.original_content or b""), policy=email.policy.default
        )
        subject, received_at = str(message["Subject"]), datetime.now(UTC)
        self._mails += [Mail(to, subject, received_at) for to in envelope.rcpt_tos]
        return "250 kept"
