"""A person's sessions as one calendar file, for programs that subscribe to it (RFC 5545, RFC 7986).

The entries are those of the mails, under the same UIDs, without alarms: the worker sends them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Event

from scheduler.message import Kind, Lesson, Message
from scheduler.reminders.read.claimed import Facts
from tasks.messages.calendar import END, Calendar, event, opening
from tasks.messages.clean_message import clean_message, named
from tasks.messages.render import Words
from tasks.messages.timezone import timezone_of

# Programs that heed it ask this often (RFC 7986, 5.7).
REFRESH = b"REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\nX-PUBLISHED-TTL:PT15M\r\n"


def feed_file(facts: Sequence[Facts], words: Words, now: datetime) -> bytes:
    """The file of these sessions; without any it is empty. `now` is its DTSTAMP."""
    if not facts:
        return opening("PUBLISH") + REFRESH + END
    message = message_of(facts, words, now)
    entries = [entry(lesson, message, words.calendar) for lesson in message.lessons]
    parts = [each.to_ical() for each in entries]
    if any("TZID" in each[name].params for each in entries for name in ("dtstart", "dtend")):
        parts.insert(
            0, timezone_of(words.calendar.zone, (one.starts_at for one in message.lessons))
        )
    return b"".join([opening("PUBLISH"), REFRESH, *parts, END])


def message_of(facts: Sequence[Facts], words: Words, now: datetime) -> Message:
    """The sessions with clean texts, as of one message that names them all."""
    message = Message(
        kind=Kind.REMINDER,
        recipient=facts[0].recipient,
        lessons=tuple(each.lesson for each in facts),
        lead=timedelta(0),
        key=UUID(int=0),
        at=now,
        now=now,
    )
    tongue = words.tongue(message.recipient.preferences.language, message.kind)
    return named(clean_message(message), tongue.session)


def entry(lesson: Lesson, message: Message, calendar: Calendar) -> Event:
    """The session's entry; its SEQUENCE is that of the last mail, so that the next one's is
    higher."""
    found = event(lesson, message, calendar)
    found.pop("sequence")
    found.add("sequence", max(lesson.after, 0))
    return found
