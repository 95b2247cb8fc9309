"""Ledger rows that are one message → the message, and its words."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from uuid import uuid4

from scheduler.message import Lesson, Message
from scheduler.reminders.read.claimed import Facts
from scheduler.settings import ChannelName
from tasks.delivery.decision import Send
from tasks.delivery.tools import Tools
from tasks.messages.letter import Letter
from tasks.messages.render import render

logger = logging.getLogger(__name__)


def message_of(rows: Sequence[Facts], send: Send, now: datetime) -> Message:
    """One message about all the rows. Its key is that of the first try; so is its date, once a try
    may have arrived (promise 3)."""
    first = rows[0]
    return Message(
        kind=first.kind,
        recipient=send.recipient,
        lessons=tuple(each_once(chain.from_iterable(row.lessons for row in rows))),
        lead=timedelta(minutes=min(row.lead_minutes for row in rows)),
        key=first.key or uuid4(),
        at=first.left_at or now,
        now=now,
    )


def each_once(lessons: Iterable[Lesson]) -> Iterable[Lesson]:
    """A session once, also where two of its leads go together or a snooze comes beside one."""
    return {lesson.session_id: lesson for lesson in lessons}.values()


def worded(tools: Tools, message: Message, form: ChannelName) -> Letter | None:
    """None: a template failed on it. One message must not stop the others."""
    try:
        return render(message, form, tools.words)
    except Exception:
        logger.exception("The message %s cannot be put into words", message.key)
        return None
