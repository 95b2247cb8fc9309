"""Calendar files (RFC 5545, RFC 5546) for e-mails: a session appears, moves and goes by itself.

The identifier is the session's, so each later file is about the same entry. SEQUENCE must grow:
it is the message's own instant in seconds, which no later message falls behind, and which a retry
of an older one does not overtake.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from icalendar import Alarm, Event, vCalAddress
from icalendar import Calendar as CalendarFile

from scheduler.message import ChangeKind, Kind, Lesson, Message
from scheduler.settings import Role
from tasks.messages.clean_text import href
from tasks.messages.letter import Attachment
from tasks.messages.timezone import timezone_of

DOMAIN = "session-worker.invalid"  # ours for ever; RFC 2606 keeps it from being anybody else's
PRODUCT = "-//session-worker//tutoring sessions//EN"
END = b"END:VCALENDAR\r\n"
SEQUENCE_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
ALARM_BEFORE = timedelta(minutes=15)
CANCELS_AT_MOST = 5  # files for one message; RFC 5546, 3.2.5: a CANCEL is about one UID


@dataclass(frozen=True, slots=True)
class Calendar:
    """`zone` is the site's: a session is a wall time there, and stays one if its law changes.
    `organizer` is the e-mail address that mails come from, '' where it is unknown: a calendar
    program takes a cancellation only from the organizer of the entry."""

    zone: ZoneInfo
    organizer: str


def invitations(message: Message, calendar: Calendar) -> tuple[Attachment, ...]:
    """The calendar files of a message.

    A cancelled session's is METHOD:CANCEL. Many at once go as one METHOD:PUBLISH of cancelled
    entries, since a CANCEL may name one alone.
    """
    cancelled = [lesson for lesson in message.lessons if is_cancelled(lesson)]
    standing = [lesson for lesson in message.lessons if not is_cancelled(lesson)]
    if len(cancelled) > CANCELS_AT_MOST:
        standing, cancelled = [*message.lessons], []
    files = [attachment("PUBLISH", standing, message, calendar)] if standing else []
    files += [attachment("CANCEL", [lesson], message, calendar) for lesson in cancelled]
    return tuple(files)


def is_cancelled(lesson: Lesson) -> bool:
    return lesson.change is not None and lesson.change.kind is ChangeKind.CANCELLED


def attachment(
    method: str, lessons: Sequence[Lesson], message: Message, calendar: Calendar
) -> Attachment:
    events = [event(lesson, message, calendar) for lesson in lessons]
    parts = [entry.to_ical() for entry in with_alarms(events, message)]
    if any("TZID" in entry[name].params for entry in events for name in ("dtstart", "dtend")):
        parts.insert(0, timezone_of(calendar.zone, (lesson.starts_at for lesson in lessons)))
    name = "cancelled" if method == "CANCEL" else "session" if len(lessons) == 1 else "sessions"
    return Attachment(
        name=f"{name}.ics",
        mime_type=f"text/calendar; method={method}; charset=utf-8",
        content=b"".join([opening(method), *parts, END]),
    )


@cache
def opening(method: str) -> bytes:
    file = CalendarFile()
    file.add("prodid", PRODUCT)
    file.add("version", "2.0")
    file.add("method", method)
    return bytes(file.to_ical().removesuffix(END))


def event(lesson: Lesson, message: Message, calendar: Calendar) -> Event:
    entry = Event()
    entry.add("uid", f"session-{lesson.session_id}@{DOMAIN}")
    entry.add("sequence", sequence(message.at))
    entry.add("dtstamp", message.at.astimezone(UTC).replace(microsecond=0))
    entry.add("dtstart", local(lesson.starts_at, calendar.zone))
    entry.add("dtend", local(lesson.ends_at, calendar.zone))
    entry.add("status", "CANCELLED" if is_cancelled(lesson) else "CONFIRMED")
    for name, text in texts(lesson, message).items():
        if text:
            entry.add(name, text)
    if calendar.organizer:
        entry.add("organizer", vCalAddress(f"mailto:{calendar.organizer}"))
    return entry


def sequence(at: datetime) -> int:
    """Whole seconds since 2020; fits a 32-bit integer until 2088."""
    return (at.astimezone(UTC) - SEQUENCE_EPOCH) // timedelta(seconds=1)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """The instant in the zone; in UTC where the wall time is the later of two (RFC 5545, 3.3.5: a
    time with TZID means the earlier)."""
    wall = instant.astimezone(zone)
    return wall if wall.fold == 0 else instant.astimezone(UTC)


def texts(lesson: Lesson, message: Message) -> Mapping[str, str | None]:
    others = (lesson.tutor_name, lesson.student_name)
    hidden = {Role.TUTOR: lesson.tutor_name, Role.STUDENT: lesson.student_name}
    names = [name for name in others if name and name != hidden.get(message.recipient.role)]
    about = (lesson.topic, lesson.whiteboard_name, lesson.meeting_link)
    return {
        "summary": " – ".join([lesson.subject, *names]),
        "description": "\n".join(line for line in about if line),
        "location": lesson.location or lesson.meeting_link,
        "url": href(lesson.meeting_link or ""),
    }


def with_alarms(events: Sequence[Event], message: Message) -> Iterator[Event]:
    """The events; of those that begin together (a group), the first has the alarm."""
    heard = set()
    for entry in events:
        if entry["status"] != "CANCELLED" and entry.start not in heard:
            entry.add_component(alarm(entry, message))
        heard.add(entry.start)
        yield entry


def alarm(entry: Event, message: Message) -> Alarm:
    """15 minutes before, or later where the message itself came later than that."""
    later = message.kind in (Kind.ALARM, Kind.REMINDER)
    component = Alarm()
    component.add("action", "DISPLAY")
    component.add("description", entry["summary"])
    component.add("trigger", -min(message.lead, ALARM_BEFORE) if later else -ALARM_BEFORE)
    return component
