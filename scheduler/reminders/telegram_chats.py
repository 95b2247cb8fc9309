"""Telegram chats of people: linked by an invitation's word, followed, unlinked (docs/telegram.md).

A chat that refused the bot is a dead address (scheduler.reminders.dead_addresses) until somebody
starts the bot there again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.database_clock import database_now
from scheduler.reminders.dead_addresses import dead_addresses, revive
from scheduler.settings import ChannelName

# Index: the primary key of telegram_invite, of which there are few.
IN_USE = text("""
    SELECT EXISTS (SELECT FROM session_worker.telegram_chat)
        OR EXISTS (SELECT FROM session_worker.telegram_invite
                    WHERE expires_at > clock_timestamp())""")


def is_telegram_in_use(conn: Connection) -> bool:
    """Whether anybody has linked a chat or was invited: before that the bot is the site's alone."""
    return bool(conn.scalar(IN_USE))


# One row. A reader whose lease ran out lost the updates that it did not finish to the next one.
TAKE_TURN = text("""
    UPDATE session_worker.telegram_reader
       SET holder = :holder, lease_until = clock_timestamp() + :lease,
           read_to = CASE WHEN bot = :bot AND read_at > clock_timestamp() - interval '6 days'
                          THEN read_to ELSE 0 END, bot = :bot
     WHERE holder = :holder OR lease_until IS NULL OR lease_until < clock_timestamp()
    RETURNING read_to""")


def take_reading_turn(conn: Connection, holder: UUID, bot: int, lease: timedelta) -> int | None:
    """Take or prolong the turn to read the bot's updates; commit it before they are asked for.

    Returns the number of the last update that was read, 0 for none; None where another reader is
    at it.
    """
    read_to: int | None = conn.scalar(TAKE_TURN, {"holder": holder, "bot": bot, "lease": lease})
    return read_to


KEEP_TURN = text("""
    SELECT true FROM session_worker.telegram_reader
     WHERE holder = :holder AND lease_until > clock_timestamp() FOR UPDATE""")


def holds_reading_turn(conn: Connection, holder: UUID) -> bool:
    """Whether the turn is still this reader's; it is kept for this transaction."""
    return bool(conn.scalar(KEEP_TURN, {"holder": holder}))


NOTE_READ = text("""
    UPDATE session_worker.telegram_reader
       SET read_to = :read_to, read_at = clock_timestamp(), trouble = NULL
     WHERE holder = :holder""")


def note_read(conn: Connection, holder: UUID, read_to: int) -> None:
    """Note the last update that was read, in the transaction of what it brought about."""
    conn.execute(NOTE_READ, {"holder": holder, "read_to": read_to})


NOTE_TROUBLE = text("""
    UPDATE session_worker.telegram_reader SET trouble = :words
     WHERE holder = :holder AND trouble IS DISTINCT FROM :words""")


def note_trouble(conn: Connection, holder: UUID, words: str | None) -> None:
    """Note why the updates could not be read, or None as they could."""
    conn.execute(NOTE_TROUBLE, {"holder": holder, "words": words})


# Index: primary keys.
LINK = text("""
    WITH invited AS (
        DELETE FROM session_worker.telegram_invite
         WHERE word = :word AND expires_at > clock_timestamp() RETURNING person
    )
    INSERT INTO session_worker.telegram_chat AS c (person, chat)
    SELECT person, :chat FROM invited
    ON CONFLICT (person) DO UPDATE SET chat = excluded.chat, linked_at = excluded.linked_at
    RETURNING person""")


def link(conn: Connection, word: str, chat: int) -> int | None:
    """Link the chat to the person whom the start word invited, in place of their chat before.

    Returns the person; None where the word is unknown, used or older than ten minutes.
    """
    person: int | None = conn.scalar(LINK, {"word": sha256(word.encode()).digest(), "chat": chat})
    if person is not None:
        open_again(conn, chat)
    return person


# Index: telegram_chat_chat.
PEOPLE = text("SELECT person FROM session_worker.telegram_chat WHERE chat = :chat ORDER BY person")


def people_of(conn: Connection, chat: int) -> Sequence[int]:
    """The people who linked the chat."""
    return conn.scalars(PEOPLE, {"chat": chat}).all()


def open_again(conn: Connection, chat: int) -> None:
    """Write to the chat again, though it refused the bot before."""
    address = dead_addresses(conn).hash_of(ChannelName.TELEGRAM, str(chat))
    revive(conn, [address], database_now(conn))


# Index: telegram_chat_chat.
UNLINK = text("DELETE FROM session_worker.telegram_chat WHERE chat = :chat")


def unlink(conn: Connection, chat: int) -> bool:
    """Unlink the chat from all who have it; False where nobody had."""
    return conn.execute(UNLINK, {"chat": chat}).rowcount > 0


# Index: telegram_chat_chat.
FOLLOW_GROUP = text("UPDATE session_worker.telegram_chat SET chat = :new WHERE chat = :old")
# No index: a row or a few for each person with preferences, and groups seldom move.
FOLLOW_IN_PREFERENCES = text("""
    UPDATE session_worker.preference
       SET addresses = jsonb_set(addresses, '{telegram}', to_jsonb(CAST(:new AS text)))
     WHERE addresses->>'telegram' = CAST(:old AS text)""")


def follow_group(conn: Connection, old: int, new: int) -> None:
    """Follow a group that became a supergroup: Telegram gives it a new id."""
    given = {"old": old, "new": new}
    conn.execute(FOLLOW_GROUP, given)
    conn.execute(FOLLOW_IN_PREFERENCES, {"old": str(old), "new": str(new)})


class Answered(Enum):
    """What became of a button that was pressed."""

    DONE = "done"
    TOO_LATE = "too late"
    NOT_THEIRS = "not theirs"


@dataclass(frozen=True, slots=True)
class Press:
    """A button of an alarm: acknowledge, or with minutes snooze."""

    delivery: int
    chat: int
    minutes: int = 0


# Index: primary keys.
THEIRS = text("""
    SELECT true FROM session_worker.delivery d
      JOIN session_worker.telegram_chat c ON c.person = d.person_id
     WHERE d.id = :delivery AND c.chat = :chat""")
ACKNOWLEDGE = text("SELECT session_worker.acknowledge(:delivery)")
SNOOZE = text("SELECT session_worker.snooze(:delivery, :minutes)")


def answer(conn: Connection, press: Press) -> Answered:
    """Acknowledge or snooze, where the message was to a person who linked this chat."""
    given = {"delivery": press.delivery, "chat": press.chat, "minutes": press.minutes}
    if not conn.scalar(THEIRS, given):
        return Answered.NOT_THEIRS
    done = conn.scalar(SNOOZE if press.minutes else ACKNOWLEDGE, given)
    return Answered.DONE if done else Answered.TOO_LATE


# Index: primary key.
LANGUAGE = text("""
    SELECT language FROM session_worker.preference WHERE person_id = :person AND kind = '*'""")


def language_wished(conn: Connection, person: int) -> str | None:
    """The person's language as stored, for the bot's answers."""
    language: str | None = conn.scalar(LANGUAGE, {"person": person})
    return language
