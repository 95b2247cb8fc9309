"""A rendered message, ready for a channel."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of one message. `title` is one clean line (no control characters); `html` is for
    e-mail alone; `urgent` asks for high priority on channels that know it (alarms)."""

    title: str
    text: str
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    urgent: bool = False
