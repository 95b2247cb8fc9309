"""The message made of ledger rows, and its text."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from uuid import uuid4

from scheduler.message import Lesson, Message, Recipient
from scheduler.reminders.read.claimed import Facts
from scheduler.settings import ChannelName
from tasks.delivery.tools import Tools
from tasks.messages.letter import Letter
from tasks.messages.render import render

logger = logging.getLogger(__name__)


def message_of(
    rows: Sequence[Facts], recipient: Recipient, now: datetime, mute_url: str = ""
) -> Message:
    """One message about all the rows. Its key is that of the first try, and so is its date if a
    try may have arrived (promise 3). `mute_url`: the setting MUTE_URL."""
    first = rows[0]
    return Message(
        kind=first.kind,
        recipient=recipient,
        lessons=tuple(each_once(chain.from_iterable(row.lessons for row in rows))),
        lead=timedelta(minutes=min(row.lead_minutes for row in rows)),
        key=first.key or uuid4(),
        at=first.left_at or now,
        now=now,
        mute_url=link_of(mute_url, first.mute_key),
    )


def link_of(mute_url: str, key: str | None) -> str:
    """A person's link to stop all messages; '' without MUTE_URL or a key."""
    return mute_url.replace("{key}", key) if key else ""


def each_once(lessons: Iterable[Lesson]) -> Iterable[Lesson]:
    """The sessions without duplicates, which occur where two leads of one are sent together."""
    return {lesson.session_id: lesson for lesson in lessons}.values()


def ids_for_log(message: Message) -> dict[str, object]:
    """The ids of a line of the log about the message, for its `extra`."""
    return {
        "message_key": message.key,
        "session": [lesson.session_id for lesson in message.lessons],
        "delivery": [lesson.delivery_id for lesson in message.lessons],
    }


def worded(tools: Tools, message: Message, form: ChannelName) -> Letter | None:
    """The message's text; None where a template fails, as one message must not stop the others."""
    try:
        return render(message, form, tools.words)
    except Exception:
        logger.exception(
            "The message %s cannot be put into words", message.key, extra=ids_for_log(message)
        )
        return None
