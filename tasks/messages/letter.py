"""A rendered message, ready for a channel."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.messages.chat_buttons import Button


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a letter; `mime_type` may have parameters."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """One rendered message. `title` is one clean line (no control characters); `html` is for e-mail
    only; `data` is for the webhook only: the same facts as JSON values; `urgent` (alarms) asks for
    high priority on channels that support it. `minutes_left`: whole minutes to the soonest start,
    rounded up; 0 where it has begun or there is none. `buttons` are for a chat whose answers the
    worker reads. `mute_url`: the link to stop all messages, '' for none."""

    title: str
    text: str
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    urgent: bool = False
    data: Mapping[str, object] | None = None
    minutes_left: int = 0
    mute_url: str = ""
    buttons: tuple[Button, ...] = ()

    @property
    def stop_headers(self) -> Mapping[str, str]:
        """Headers by which a mail program stops all messages with one click (RFC 8058)."""
        if not self.mute_url:
            return {}
        return {
            "List-Unsubscribe": f"<{self.mute_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
