"""A message's copy for the site's inbox, in the words of a short message."""

from collections.abc import Sequence
from dataclasses import replace

from scheduler.message import Lesson, Message
from scheduler.reminders.moves.inbox import Copy
from scheduler.reminders.read.claimed import Facts
from scheduler.settings import ChannelName
from tasks.delivery.decision import has_inbox
from tasks.delivery.message import worded
from tasks.delivery.tools import Tools
from tasks.messages.calendar import is_cancelled
from tasks.messages.clean_text import clean_link, href
from tasks.messages.page import way_in

FORM = ChannelName.PUSH


def copy_of(tools: Tools, message: Message, rows: Sequence[Facts]) -> Copy | None:
    """The copy; None where the person has no inbox or a template fails."""
    recipient, settings = message.recipient, tools.settings
    if recipient.person_id is None:
        return None
    if not has_inbox(recipient, settings.inbox, settings.outbox.mode):
        return None
    letter = worded(tools, replace(message, mute_url=""), FORM)  # the site has a page of its own
    if letter is None:
        return None
    return Copy(
        person_id=recipient.person_id,
        kind=message.kind,
        title=letter.title,
        text=letter.text,
        link=link_of(message.lessons),
        sessions=[lesson.session_id for lesson in message.lessons],
        deliveries=[row.id for row in rows],
        key=message.key,
    )


def link_of(lessons: Sequence[Lesson]) -> str | None:
    """The first session's link that a browser can open."""
    ways = (way_in(lesson)[0] for lesson in lessons if not is_cancelled(lesson))
    return next((link for way in ways if (link := href(clean_link(way)))), None)
