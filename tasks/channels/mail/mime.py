"""MIME mail of a letter, prepared by Apprise, with headers that are the same for every try."""

import email
import re
from datetime import UTC, datetime
from email.encoders import encode_base64
from email.message import Message as Mime
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from uuid import UUID

from apprise import NotifyFormat
from apprise.plugins.email import NotifyEmail

from tasks.channels.plugins import NAME
from tasks.channels.redaction import one_line
from tasks.messages.letter import Attachment, Letter

LONGEST_SUBJECT = 200
# Marks that change the direction of following text: a subject must not rearrange a list of mails.
DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066\u2067]")
# Not for printing, and yet part of a word: the two joiners, and the isolate that the words put a
# text from right to left in (Unicode UAX 9).
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
PART_OF_WORDS = "\u200c\u200d" + ISOLATE + END_ISOLATE
CONTENT_HEADERS = ("Content-Type", "Content-Transfer-Encoding", "MIME-Version")
AUTOMATIC = {"X-Application": NAME, "Auto-Submitted": "auto-generated"}  # RFC 3834
URGENT = {"X-Priority": "1", "Importance": "high"}


def build_mail(
    plugin: NotifyEmail, letter: Letter, address: str, key: UUID, at: datetime
) -> tuple[list[str], bytes]:
    """The addresses of copies, and the mail as bytes with CRLF line ends.

    The same letter, key and instant give the same bytes, so that a repeat can be recognised.
    """
    [prepared] = NotifyEmail.prepare_emails(
        subject=clean_subject(letter.title),
        body=letter.text,
        notify_format=NotifyFormat.TEXT,
        from_addr=plugin.from_addr,
        to=[(False, address)],
        cc=plugin.cc,
        bcc=plugin.bcc,
        reply_to=plugin.reply_to,
        smtp_host=plugin.smtp_host,
        headers={
            **AUTOMATIC,
            **(URGENT if letter.urgent else {}),
            **letter.stop_headers,
            **plugin.headers,
        },
        names=plugin.names,
        tzinfo=UTC,
    )
    mail = with_content(email.message_from_string(prepared.body), letter, key)
    mail.replace_header("Message-ID", f"<{key}@{sender_of(plugin).rpartition('@')[2]}>")
    mail.replace_header("Date", format_datetime(at.astimezone(UTC)))
    return prepared.to_addrs[1:], with_crlf(mail.as_string())


def sender_of(plugin: NotifyEmail) -> str:
    """The address that the plugin's mails come from."""
    return str(plugin.from_addr[1])


def clean_subject(title: str) -> str:
    """The subject as one line without control characters and without `=?`, the start of an encoded
    word.

    Python's parser would decode `=?utf-8?q?=0ABcc:…?=` into a header line of its own.
    """
    line = one_line(DIRECTION.sub("", title), PART_OF_WORDS).replace("=?", "= ?")
    if len(line) > LONGEST_SUBJECT:
        line = line[: LONGEST_SUBJECT - 1] + "…"
    return line + END_ISOLATE * (line.count(ISOLATE) - line.count(END_ISOLATE))


def with_content(prepared: Mime, letter: Letter, key: UUID) -> Mime:
    """The prepared mail with all that the letter has: HTML beside the text, and its files."""
    if letter.html is None and not letter.attachments:
        return prepared
    content = content_of(letter, key)
    for name, value in prepared.items():
        if name not in CONTENT_HEADERS:
            content[name] = value
    return content


def content_of(letter: Letter, key: UUID) -> Mime:
    words: Mime = MIMEText(letter.text, "plain", "utf-8")
    if letter.html is not None:
        words = alternatives(words, MIMEText(letter.html, "html", "utf-8"), f"words-{key.hex}")
    if not letter.attachments:
        return words
    mixed = MIMEMultipart("mixed", boundary=f"mail-{key.hex}")
    for part in (words, *map(file_part, letter.attachments)):
        mixed.attach(part)
    return mixed


def alternatives(text: Mime, html: Mime, boundary: str) -> Mime:
    """The better one last (RFC 2046, 5.1.4)."""
    both = MIMEMultipart("alternative", boundary=boundary)
    both.attach(text)
    both.attach(html)
    return both


def file_part(attachment: Attachment) -> Mime:
    """A file under its full type: `text/calendar; method=REQUEST` keeps its parameters."""
    part = MIMEBase("application", "octet-stream")
    part.replace_header("Content-Type", one_line(attachment.mime_type))
    part.set_payload(attachment.content)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=one_line(attachment.name))
    return part


def with_crlf(text: str) -> bytes:
    return re.sub(r"\r\n|\n|\r", "\r\n", text).encode("ascii", "replace")
