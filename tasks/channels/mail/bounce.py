"""Bounces: which of the worker's mails came back, for whom, and with what code.

Rules and forms are those of seven mail systems (docs/bounces.md). Everything here is read from what
a stranger may have sent; whether it is about a mail of ours is for the ledger to say.
"""

import email
import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message

from tasks.channels.mail.status_codes import code_in

# An honest bounce has at most our own mail in it; the rest of a larger one is not read.
LONGEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient of the mail whom it did not reach. `code`: enhanced status code, if there is one
    that says more than x.0.0."""

    recipient: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Bounce:
    """`keys`: the keys of mails that it names; `refusals`: one for each recipient that failed for
    good, none in a warning about a delay."""

    keys: Sequence[str]
    refusals: Sequence[Refusal]


def read_bounce(raw: bytes) -> Bounce | None:
    """The bounce that the mail is, or None: an automatic reply, a person's mail, anything else."""
    mail = email.message_from_bytes(raw)
    blocks = [*recipient_blocks(mail)]
    if blocks:
        refusals = [*refusals_in(blocks, first_text(mail))]
    elif (dma := dma_refusal(mail)) is not None:
        refusals = [dma]
    else:
        return None
    return Bounce([*keys_in(raw, mail)], refusals)


REPORTS = ("message/delivery-status", "message/global-delivery-status")


def recipient_blocks(mail: Message) -> Iterator[Message]:
    """The blocks about recipients (RFC 3464, 2.3). By the raw payload: `get_content()` of newer
    interfaces shows the first block alone."""
    for part in mail.walk():
        if part.get_content_type() in REPORTS:
            yield from (each for each in blocks_of(part) if each["Final-Recipient"])


def blocks_of(report: Message) -> Iterator[Message]:
    payload = report.get_payload()
    if not isinstance(payload, list):
        yield from blocks_in(text_of(report))
        return
    for each in payload:
        if isinstance(each, Message):
            yield each
            # Of the other type the parser takes all later blocks for the text of the first.
            rest = each.get_payload()
            yield from blocks_in(rest if isinstance(rest, str) else "")


def blocks_in(text: str) -> Iterator[Message]:
    for block in re.split(r"\r?\n[ \t]*\r?\n", text):
        yield email.message_from_string(block.strip("\r\n"))


def refusals_in(blocks: Sequence[Message], text: str) -> Iterator[Refusal]:
    for block in blocks:
        if field(block, "Action").lower() != "failed":
            continue
        recipient = address_in(field(block, "Original-Recipient")) or address_in(
            field(block, "Final-Recipient")
        )
        yield Refusal(recipient, code_of(block, recipient, text))


def field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def address_in(recipient: str) -> str:
    """`rfc822; <name@host>` → `name@host`."""
    return recipient.rpartition(";")[2].strip().strip("<>")


STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def code_of(block: Message, recipient: str, text: str) -> str | None:
    """The code of the report; else that of the next server's words, which OpenSMTPD has in the text
    alone: `name@host: 550 5.1.1 no such user`."""
    status = STATUS.match(field(block, "Status"))
    if status and not status[0].endswith(".0.0"):
        return status[0]
    return code_in(field(block, "Diagnostic-Code")) or code_in(line_about(recipient, text))


def line_about(recipient: str, text: str) -> str:
    start = f"{recipient.lower()}:"
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line.lower().startswith(start)), "")


DMA = re.compile(r"There was an error delivering your mail to <([^<>\s]+)>\.")
DMA_WORDS = re.compile(r"did not like our [^\n]*:\s*\n\s*([^\n]*)")


def dma_refusal(mail: Message) -> Refusal | None:
    """The refusal of a bounce by DragonFly's mailer, which is no report."""
    if not field(mail, "From").upper().startswith("MAILER-DAEMON"):
        return None
    text = first_text(mail)
    found = DMA.search(text)
    if found is None:
        return None
    words = DMA_WORDS.search(text)
    return Refusal(found[1], code_in(words[1]) if words else None)


def first_text(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            return text_of(part)
    return ""


def text_of(part: Message) -> str:
    decoded = part.get_payload(decode=True)
    return decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else ""


UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Of the returned mail, wherever it stands, and what Exim refers to. The bounce's own is none of the
# ledger's.
MESSAGE_ID = re.compile(rb"^[ \t]*(?:Message-ID|References):\s*<(" + UUID + rb")@", re.I | re.M)
ENCODED = ("base64", "quoted-printable")


def keys_in(raw: bytes, mail: Message) -> Iterator[str]:
    """Each key once, in order."""
    texts = [raw, *(decoded(part) for part in mail.walk() if is_encoded(part))]
    found = (key.decode().lower() for text in texts for key in MESSAGE_ID.findall(text))
    yield from dict.fromkeys(found)


def is_encoded(part: Message) -> bool:
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    return encoding in ENCODED and part.get_content_maintype() in ("text", "message")


def decoded(part: Message) -> bytes:
    """The content of an encoded part. The parser takes every message/… for a mail that is readable
    as it stands, so those are decoded here."""
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    inner = "".join(str(each) for each in part.get_payload())
    decode = a2b_qp if "printable" in str(part["Content-Transfer-Encoding"]) else a2b_base64
    try:
        return decode(inner.encode("ascii", "ignore"))
    except ValueError:
        return b""
