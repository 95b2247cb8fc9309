"""Transport of mail for Apprise URLs `mailto://` and `mailtos://`, on connections that are kept."""

import ssl
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from apprise.plugins.email import NotifyEmail

from scheduler.settings import InvalidSetting
from tasks.channels.mail.mime import build_mail, sender_of
from tasks.channels.mail.reply import SmtpResult
from tasks.channels.mail.smtp_client import MailServer, Security
from tasks.channels.mail.smtp_connection import SmtpConnection, SmtpEnvelope
from tasks.channels.outcome import Outcome
from tasks.channels.plugins import private_parts
from tasks.channels.redaction import fit, secrets_of
from tasks.channels.template import SAMPLE, Template
from tasks.messages.letter import Letter


class MailTransport:
    """Transport with a connection for each thread, opened with the first mail until `close`."""

    def __init__(
        self,
        template: Template,
        plugin: NotifyEmail,
        connect: timedelta,
        answer: timedelta,
        mails_at_most: int,
    ) -> None:
        """`connect`, `answer`: the longest waits; `mails_at_most`: number on one connection.

        Raises InvalidSetting where the URL does not send to exactly the person.
        """
        self._plugin = plugin
        self._target = person_target(template, plugin)
        self._server = mail_server(plugin, connect, answer)
        self._secrets = secrets_of(template.text) | private_parts(plugin)
        self._mails_at_most = mails_at_most
        self._threads = threading.local()

    def send(self, letter: Letter, values: Mapping[str, str], key: UUID, at: datetime) -> Outcome:
        """Hand in the letter for one person; `values` fill the URL's placeholders."""
        address = fill(self._target, values)
        copies, content = build_mail(self._plugin, letter, address, key, at)
        envelope = SmtpEnvelope(sender_of(self._plugin), address, copies)
        result = self._connection().deliver(envelope, content)
        return self._outcome(result, {address, *values.values()})

    def close(self) -> None:
        connection = self._threads.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _connection(self) -> SmtpConnection:
        """The connection of the calling thread."""
        if not hasattr(self._threads, "connection"):
            self._threads.connection = SmtpConnection(self._server, self._mails_at_most)
        connection: SmtpConnection = self._threads.connection
        return connection

    def _outcome(self, result: SmtpResult, private: set[str]) -> Outcome:
        verdict = result.what.value
        words = f"{result.words} ({verdict.advice})" if verdict.advice else result.words
        return verdict.outcome(fit(words, self._secrets | private))


def person_target(template: Template, plugin: NotifyEmail) -> str:
    """The `to=` of the URL, with its stand-ins: `sample.person@example.com`."""
    setting = template.setting
    if getattr(plugin, "pgp_mode", "no") != "no":
        raise InvalidSetting(f"{setting}: pgp= is not supported: leave it out.")
    if len(plugin.targets) != 1 or not (template.placeholders or template.fixed):
        raise InvalidSetting(
            f"{setting}: to= must be the person's address alone, such as to={{email}};"
            " for copies use cc= or bcc=."
        )
    if any(SAMPLE[name] in elsewhere(plugin) for name in template.placeholders):
        raise InvalidSetting(f"{setting}: placeholders may stand in to= only.")
    return str(plugin.targets[0][1])


def elsewhere(plugin: NotifyEmail) -> str:
    """Parts of the URL other than `to=`, joined for a search for placeholders."""
    parts = (plugin.from_addr, plugin.cc, plugin.bcc, plugin.reply_to, plugin.headers)
    return " ".join(map(str, (*parts, plugin.smtp_host, plugin.user, plugin.password)))


def fill(target: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        target = target.replace(SAMPLE[name], value)
    return target


def mail_server(plugin: NotifyEmail, connect: timedelta, answer: timedelta) -> MailServer:
    return MailServer(
        host=plugin.smtp_host.strip("[]"),
        port=int(plugin.port or 0),
        security=Security(str(plugin.secure_mode)),
        user=plugin.user,
        password=plugin.password,
        tls=tls_context(plugin),
        connect_timeout=connect,
        answer_timeout=answer,
    )


def tls_context(plugin: NotifyEmail) -> ssl.SSLContext:
    """The TLS context. It is made once, as reading the certificates takes longer than a mail; a
    server without TLS has one that knows none."""
    if plugin.secure_mode == Security.INSECURE:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context()
    if not plugin.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
