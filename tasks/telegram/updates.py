"""Updates of the Bot API as values: what people wrote to the bot or pressed.

https://core.telegram.org/bots/api#update. What has another form is an Other: it is read and passed
over.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.reminders.telegram_chats import Press
from tasks.messages.chat_buttons import read_button


@dataclass(frozen=True, slots=True)
class Start:
    """/start, with the word of an invitation or ''."""

    chat: int
    word: str


@dataclass(frozen=True, slots=True)
class Stop:
    """/stop: the chat wants no messages any more."""

    chat: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A group that became a supergroup, with another id."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Unblocked:
    """The bot may write to the chat again."""

    chat: int


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that was pressed; `query` is answered."""

    query: str
    press: Press


@dataclass(frozen=True, slots=True)
class Other:
    """An update that asks for nothing."""


Update = Start | Stop | Moved | Unblocked | Pressed | Other
OTHER = Other()
# In groups a command names its bot: /start@school_bot.
COMMAND = re.compile(r"/(?P<name>start|stop)(@\w+)?(\s+(?P<word>[\w-]{1,64}))?\s*", re.ASCII)
BLOCKED = {"kicked", "left"}


def number_of(update: Mapping[str, Any]) -> int:
    """The update's number; 0 where it has none."""
    number = update.get("update_id")
    return number if isinstance(number, int) else 0


def read_update(update: Mapping[str, Any]) -> Update:
    """What an update of the Bot API asks for; an Other where nothing of ours is asked."""
    query = part(update, "callback_query")
    if query:
        return pressed(query)
    member = part(update, "my_chat_member")
    if member:
        return membership(member)
    message = part(update, "message")
    chat = id_of(message)
    if chat is None:
        return OTHER
    if isinstance(new := message.get("migrate_to_chat_id"), int):
        return Moved(chat, new)
    command = COMMAND.fullmatch(str(message.get("text") or ""))
    if command is None:
        return OTHER
    return Stop(chat) if command["name"] == "stop" else Start(chat, command["word"] or "")


def pressed(query: Mapping[str, Any]) -> Update:
    chat, button = id_of(part(query, "message")), read_button(str(query.get("data") or ""))
    if chat is None or button is None or not isinstance(query.get("id"), str):
        return OTHER
    return Pressed(query["id"], Press(button.delivery, chat, button.minutes))


def membership(member: Mapping[str, Any]) -> Update:
    chat = id_of(member)
    status = part(member, "new_chat_member").get("status")
    before = part(member, "old_chat_member").get("status")
    if chat is None or before not in BLOCKED or status in BLOCKED:
        return OTHER
    return Unblocked(chat)


def part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def id_of(of: Mapping[str, Any]) -> int | None:
    chat = part(of, "chat").get("id")
    return chat if isinstance(chat, int) else None
