"""A server that speaks the forms of Telegram's Bot API (https://core.telegram.org/bots/api).

api.write(chat, "/start abc")     somebody writes to the bot
api.press(chat, data)             somebody presses a button
api.block(chat); api.upgrade(old, new)

An update stays until it is confirmed by a higher offset, as Telegram keeps it.
"""

import json
from collections.abc import Mapping, Sequence
from threading import Condition
from typing import Any

from tests.sinks.http import Answer, HttpSink, Request

TOKEN = "123456789:abcdefg_hijklmnopqrstuvwxyz"


class BotApi(HttpSink):
    """`sent`: the messages that were accepted; `toasts`: the answers to presses."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = Condition()
        self.forget()

    def forget(self) -> None:
        self.updates: list[Mapping[str, Any]] = []
        self.sent: list[Mapping[str, Any]] = []
        self.toasts: list[Mapping[str, Any]] = []
        self.offsets: list[int] = []
        self.blocked: set[int] = set()
        self.upgraded: dict[int, int] = {}
        self.number = 700_000_000

    def reset(self) -> None:
        super().reset()
        self.forget()

    @property
    def before_token(self) -> str:
        return f"{self.url}/bot"

    def texts_to(self, chat: int) -> Sequence[str]:
        return [each["text"] for each in self.sent if each["chat_id"] == chat]

    def write(self, chat: int, text: str) -> None:
        self.update(message={"message_id": 1, "date": 1, "chat": a_chat(chat), "text": text})

    def press(self, chat: int, data: str) -> None:
        message = {"message_id": 1, "date": 1, "chat": a_chat(chat)}
        self.update(callback_query={
            "id": f"q{self.number}", "from": {"id": abs(chat), "is_bot": False, "first_name": "A"},
            "chat_instance": "1", "message": message, "data": data,
        })  # fmt: skip

    def block(self, chat: int) -> None:
        self.blocked.add(chat)
        self.membership(chat, "member", "kicked")

    def unblock(self, chat: int) -> None:
        self.blocked.discard(chat)
        self.membership(chat, "kicked", "member")

    def membership(self, chat: int, before: str, now: str) -> None:
        self.update(my_chat_member={
            "chat": a_chat(chat), "from": {"id": 5}, "date": 1,
            "old_chat_member": {"status": before, "user": {"id": 123456789}},
            "new_chat_member": {"status": now, "user": {"id": 123456789}},
        })  # fmt: skip

    def upgrade(self, old: int, new: int, *, told: bool) -> None:
        """The group gets a new id; `told`: the bot is sent the service message as well."""
        self.upgraded[old] = new
        if told:
            message = {"message_id": 1, "date": 1, "chat": a_chat(old), "migrate_to_chat_id": new}
            self.update(message=message)

    def update(self, **content: Any) -> None:
        with self.arrived:
            self.number += 1
            self.updates.append({"update_id": self.number, **content})
            self.arrived.notify_all()

    def respond(self, request: Request, answer: Answer) -> Answer:
        bot, _, method = request.path.lstrip("/").partition("/")
        if answer != Answer():
            return answer
        if bot != f"bot{TOKEN}":
            return refusal(401, "Unauthorized")
        handlers = {
            "getUpdates": self.get_updates,
            "sendMessage": self.send_message,
            "answerCallbackQuery": self.answer_query,
        }
        return handlers[method](request.json)

    def get_updates(self, asked: Mapping[str, Any]) -> Answer:
        self.offsets.append(asked["offset"])
        with self.arrived:
            self.updates = [one for one in self.updates if one["update_id"] >= asked["offset"]]
            self.arrived.wait_for(lambda: bool(self.updates), asked["timeout"])
            return result(self.updates[:100])

    def send_message(self, asked: Mapping[str, Any]) -> Answer:
        chat = int(asked["chat_id"])
        if chat in self.blocked:
            return refusal(403, "Forbidden: bot was blocked by the user")
        if chat in self.upgraded:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            return refusal(400, words, migrate_to_chat_id=self.upgraded[chat])
        self.sent.append({**asked, "chat_id": chat})
        return result({"message_id": len(self.sent), "date": 1, "chat": a_chat(chat)})

    def answer_query(self, asked: Mapping[str, Any]) -> Answer:
        self.toasts.append(asked)
        return result(True)


def a_chat(chat: int) -> Mapping[str, Any]:
    return {"id": chat, "type": "private" if chat > 0 else "group"}


def result(value: Any) -> Answer:
    return Answer(body=json.dumps({"ok": True, "result": value}).encode())


def refusal(code: int, words: str, **parameters: Any) -> Answer:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
    if parameters:
        body["parameters"] = parameters
    return Answer(status=code, body=json.dumps(body).encode())
