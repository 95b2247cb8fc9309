"""The reader of the bot's updates: one at a time among all workers, in a thread of a planning
process, as a long poll must not keep a tick waiting.

It begins where somebody was invited or has linked a chat; before that the bot is the site's alone.
A reader that dies leaves its turn, which lapses; the updates that it did not finish come again.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock, Thread
from typing import Any, assert_never
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from scheduler.reminders import telegram_chats as chats
from scheduler.reminders.home import is_elsewhere
from scheduler.settings import Settings
from tasks.database import worker_engine, worker_settings
from tasks.failures.known import failure_of
from tasks.failures.log_once import log_once, log_once_about
from tasks.messages.chat_buttons import ChatWords, chat_words
from tasks.telegram.bot import Bot, BotTrouble, bot_of
from tasks.telegram.updates import (
    Moved,
    Other,
    Pressed,
    Start,
    Stop,
    Unblocked,
    Update,
    number_of,
    read_update,
)

logger = logging.getLogger(__name__)
UNDER_WAY = Lock()
WAIT = timedelta(seconds=10)
# Longer than a poll and its time-outs (tasks.telegram.bot).
LEASE = timedelta(seconds=45)
# Beat begins the next reading: after this long the thread ends.
LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A call of the Bot API, to be made after the commit."""

    method: str
    parameters: Mapping[str, Any]


def begin_reading() -> None:
    """Read in a thread of this process, unless one is at it there."""
    if UNDER_WAY.acquire(blocking=False):
        Thread(target=run, daemon=True).start()


def run() -> None:
    try:
        read_for_a_while(worker_engine(), worker_settings())
    except Exception as error:
        if (failure := failure_of(error)) is None:
            logger.exception("Telegram's updates could not be read")
        else:
            log_once(*failure.lines)
    finally:
        UNDER_WAY.release()


def read_for_a_while(engine: Engine, settings: Settings) -> None:
    """Read until another reader has the turn, there is trouble, or a minute is over."""
    bot = bot_of(settings)
    if bot is None:
        return
    holder, until = uuid4(), time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until and read_once(engine, settings, bot, holder, WAIT):
        pass


def read_once(engine: Engine, settings: Settings, bot: Bot, holder: UUID, wait: timedelta) -> bool:
    """Read the next updates and do what they ask for. False: stop, it is another's turn, nobody
    uses it, or there is trouble."""
    with engine.begin() as conn:
        if is_elsewhere(conn) or not chats.is_telegram_in_use(conn):
            return False
        read_to = chats.take_reading_turn(conn, holder, bot.id, LEASE)
    if read_to is None:
        return False
    try:
        found = bot.updates(read_to, wait)
    except BotTrouble as trouble:
        log_once_about("telegram", f"Telegram's updates cannot be read: {trouble}")
        with engine.begin() as conn:
            chats.note_trouble(conn, holder, str(trouble))
        return False
    with engine.begin() as conn:
        if not chats.holds_reading_turn(conn, holder):
            return False
        replies = take_up(conn, settings, found) if found else []
        if found:
            chats.note_read(conn, holder, max(map(number_of, found)))
        else:
            chats.note_trouble(conn, holder, None)
    send_replies(bot, replies)
    return True


def take_up(
    conn: Connection, settings: Settings, found: Sequence[Mapping[str, Any]]
) -> list[Reply]:
    """Do what the updates ask for, in their order. Returns the replies to send after the commit."""
    replies = (react(conn, settings, read_update(each)) for each in found)
    return [reply for reply in replies if reply is not None]


def send_replies(bot: Bot, replies: Sequence[Reply]) -> None:
    """Send the bot's answers. One that does not arrive does no harm: what was asked for is done."""
    for reply in replies:
        try:
            bot.call(reply.method, reply.parameters)
        except BotTrouble as trouble:
            log_once_about("telegram reply", f"Telegram: an answer did not arrive: {trouble}")


def react(conn: Connection, settings: Settings, update: Update) -> Reply | None:
    match update:
        case Start():
            return started(conn, settings, update)
        case Stop(chat):
            words = words_for(conn, settings, chat)
            return say(chat, words.stopped if chats.unlink(conn, chat) else words.not_linked)
        case Moved(old, new):
            chats.follow_group(conn, old, new)
        case Unblocked(chat):
            if chats.people_of(conn, chat):
                chats.open_again(conn, chat)
        case Pressed(query, press):
            words = words_for(conn, settings, press.chat)
            return toast(query, said_to(chats.answer(conn, press), press, words))
        case Other():
            pass
        case _:
            assert_never(update)
    return None


def started(conn: Connection, settings: Settings, update: Start) -> Reply:
    if update.word:
        person = chats.link(conn, update.word, update.chat)
        words = words_for(conn, settings, update.chat)
        if person is not None:
            return say(update.chat, words.linked)
        if not chats.people_of(conn, update.chat):
            return say(update.chat, words.no_invitation)
    words = words_for(conn, settings, update.chat)
    if not chats.people_of(conn, update.chat):
        return say(update.chat, words.not_linked)
    chats.open_again(conn, update.chat)
    return say(update.chat, words.again)


def words_for(conn: Connection, settings: Settings, chat: int) -> ChatWords:
    """The bot's words in the language of the first person of the chat."""
    people = chats.people_of(conn, chat)
    wish = chats.language_wished(conn, people[0]) if people else None
    return chat_words(wish, settings.language)


def said_to(answered: chats.Answered, press: chats.Press, words: ChatWords) -> str:
    match answered:
        case chats.Answered.DONE:
            return words.snoozed.format(minutes=press.minutes) if press.minutes else words.noted
        case chats.Answered.TOO_LATE:
            return words.too_late
        case chats.Answered.NOT_THEIRS:
            return words.not_theirs


def say(chat: int, text: str) -> Reply:
    return Reply("sendMessage", {"chat_id": chat, "text": text})


def toast(query: str, text: str) -> Reply:
    """The answer that the phone shows over the chat for a moment."""
    return Reply("answerCallbackQuery", {"callback_query_id": query, "text": text})
