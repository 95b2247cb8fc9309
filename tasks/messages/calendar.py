"""Calendar files (RFC 5545, RFC 5546) for e-mails: a session appears, moves and goes by itself.

The UID is that of the entry in the person's first message, so each later file changes that entry
(docs/decisions/0043). SEQUENCE grows with each message about it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from icalendar import Alarm, Event, vCalAddress
from icalendar import Calendar as CalendarFile

from scheduler.message import ChangeKind, Kind, Lesson, Message
from scheduler.settings import CalendarMethod, ChannelName, Role
from tasks.messages.clean_text import href
from tasks.messages.letter import Attachment
from tasks.messages.page import told_times, way_in
from tasks.messages.timezone import timezone_of

DOMAIN = "session-worker.invalid"  # never change it; RFC 2606 reserves the name
PRODUCT = "-//session-worker//tutoring sessions//EN"
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
END = b"END:VCALENDAR\r\n"
ALARM_BEFORE = timedelta(minutes=15)
# Most files in one message: a REQUEST or a CANCEL has one UID each (RFC 5546, 3.2.2 and 3.2.5).
FILES_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Settings of calendar files. `zone` is the site's: a session is a wall time there, also after
    the zone's rules change.
    `organizer` is the e-mail address that mails come from, '' where it is unknown: a calendar
    program takes a cancellation only from the organizer of the entry."""

    zone: ZoneInfo
    organizer: str
    method: CalendarMethod = CalendarMethod.PUBLISH


def invitations(message: Message, calendar: Calendar) -> tuple[Attachment, ...]:
    """The calendar files of a message, with CALENDAR_METHOD=publish or request.

    A cancelled session has METHOD:CANCEL. REQUEST and CANCEL have one file for each session. If
    these would be too many, or a request has no organizer or attendee to name, all sessions go in
    one METHOD:PUBLISH, the cancelled ones with STATUS:CANCELLED.
    """
    if message.kind is Kind.FOLLOW_UP:  # it is over
        return ()
    lessons = [lesson for lesson in message.lessons if not is_unheard_of(lesson)]
    cancelled = [lesson for lesson in lessons if is_cancelled(lesson)]
    standing = [lesson for lesson in lessons if not is_cancelled(lesson)]
    attendee = attendee_of(message, calendar)
    if len(cancelled) + (len(standing) if attendee else 0) > FILES_AT_MOST:
        return (attachment("PUBLISH", lessons, message, calendar),)
    single = [("REQUEST", lesson) for lesson in standing] if attendee else []
    single += [("CANCEL", lesson) for lesson in cancelled]
    files = [attachment(method, [one], message, calendar, attendee) for method, one in single]
    if standing and not attendee:
        files.insert(0, attachment("PUBLISH", standing, message, calendar))
    return tuple(files)


def attendee_of(message: Message, calendar: Calendar) -> str:
    """The recipient's address if requests are configured and possible; else ''."""
    if calendar.method is CalendarMethod.PUBLISH or not calendar.organizer:
        return ""
    recipient = message.recipient
    address = recipient.addresses.get(ChannelName.EMAIL) or recipient.email or ""
    return address if ADDRESS.fullmatch(address) else ""


def is_cancelled(lesson: Lesson) -> bool:
    """True where the message tells that the session is cancelled."""
    return lesson.change is not None and lesson.change.kind is ChangeKind.CANCELLED


def is_unheard_of(lesson: Lesson) -> bool:
    """True where the person's calendar has no entry to cancel: the first message about the session
    tells that it is cancelled for an absence."""
    return lesson.after < 0 and lesson.change is not None and lesson.change.absent is not None


def attachment(
    method: str,
    lessons: Sequence[Lesson],
    message: Message,
    calendar: Calendar,
    attendee: str = "",
) -> Attachment:
    events = [event(lesson, message, calendar) for lesson in lessons]
    for entry in events:
        if attendee:
            entry.add("attendee", attending(attendee, message))
    parts = [entry.to_ical() for entry in with_alarms(events, message)]
    if any("TZID" in entry[name].params for entry in events for name in ("dtstart", "dtend")):
        parts.insert(0, timezone_of(calendar.zone, (lesson.starts_at for lesson in lessons)))
    name = "cancelled" if method == "CANCEL" else "session" if len(lessons) == 1 else "sessions"
    return Attachment(
        name=f"{name}.ics",
        mime_type=f"text/calendar; method={method}; charset=utf-8",
        content=b"".join([opening(method), *parts, END]),
    )


def attending(address: str, message: Message) -> vCalAddress:
    """The ATTENDEE. No RSVP is asked for, as nobody would read the answers."""
    attendee = vCalAddress(f"mailto:{address}")
    attendee.params["RSVP"] = "FALSE"
    attendee.params["PARTSTAT"] = "ACCEPTED"
    if message.recipient.name:
        attendee.params["CN"] = message.recipient.name
    return attendee


@cache
def opening(method: str) -> bytes:
    """The first lines of a file."""
    file = CalendarFile()
    file.add("prodid", PRODUCT)
    file.add("version", "2.0")
    file.add("method", method)
    return bytes(file.to_ical().removesuffix(END))


def event(lesson: Lesson, message: Message, calendar: Calendar) -> Event:
    """The entry of a session, without an alarm and without people who attend."""
    entry = Event()
    starts_at, ends_at = times(lesson, calendar.zone)
    entry.add("uid", f"session-{lesson.entry}@{DOMAIN}")
    entry.add("sequence", lesson.sequence(message.at))
    entry.add("dtstamp", message.at.astimezone(UTC).replace(microsecond=0))
    entry.add("dtstart", starts_at)
    entry.add("dtend", ends_at)
    entry.add("status", "CANCELLED" if is_cancelled(lesson) else "CONFIRMED")
    for name, text in texts(lesson, message).items():
        if text:
            entry.add(name, text)
    if calendar.organizer:
        entry.add("organizer", vCalAddress(f"mailto:{calendar.organizer}"))
    return entry


def times(lesson: Lesson, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end in the zone; both in UTC if one of them is an ambiguous wall time.

    Such a time comes twice as clocks are set back. With a TZID it means the first (RFC 5545,
    3.3.5), but most programs take the second; and if only one end is in UTC, some show an event
    without length.
    """
    starts_at, ends_at = told_times(lesson)
    walls = (starts_at.astimezone(zone), ends_at.astimezone(zone))
    if any(comes_twice(wall) for wall in walls):
        return starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    return walls


def comes_twice(wall: datetime) -> bool:
    """True if the wall time occurs twice. It comes from an instant, so it is not in a gap."""
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()


def texts(lesson: Lesson, message: Message) -> Mapping[str, str | None]:
    """The event's texts, with the message's link and place; without these if it is cancelled."""
    others = (lesson.tutor_name, lesson.student_name)
    hidden = {Role.TUTOR: lesson.tutor_name, Role.STUDENT: lesson.student_name}
    names = [name for name in others if name and name != hidden.get(lesson.role)]
    link, place = ("", "") if is_cancelled(lesson) else way_in(lesson)
    about = (lesson.topic, lesson.whiteboard_name, link)
    return {
        "summary": " – ".join([lesson.subject, *names]),
        "description": "\n".join(line for line in about if line),
        "location": place or link,
        "url": href(link),
    }


def with_alarms(events: Sequence[Event], message: Message) -> Iterator[Event]:
    """The events; of several with the same start (a group), only the first has an alarm."""
    heard = set()
    for entry in events:
        if entry["status"] != "CANCELLED" and entry.start not in heard:
            entry.add_component(alarm(entry, message))
        heard.add(entry.start)
        yield entry


def alarm(entry: Event, message: Message) -> Alarm:
    """An alarm 15 minutes before the start, or at the message's time if that is later."""
    later = message.kind in (Kind.ALARM, Kind.REMINDER, Kind.ESCALATION)
    component = Alarm()
    component.add("action", "DISPLAY")
    component.add("description", entry["summary"])
    component.add("trigger", -min(message.lead, ALARM_BEFORE) if later else -ALARM_BEFORE)
    return component
