"""Calendar files, read back by vobject."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject  # type: ignore[import-untyped]  # it has no types

from scheduler.message import Kind, Lesson, Message
from scheduler.settings import CalendarMethod, ChannelName, Role
from tasks.messages.calendar import Calendar, invitations
from tasks.messages.letter import Attachment
from tasks.messages.render import Words, render
from tests.tasks.messages.samples import (
    ADDIS,
    HOUR,
    MINUTE,
    NOW,
    a_bare_lesson,
    a_lesson,
    a_message,
    cancelled,
    moved,
    restored,
)

DAY = timedelta(days=1)
OURS = Calendar(ADDIS, "desk@school.example")


def read(attachment: Attachment) -> Any:
    """The file as the second library reads it."""
    return vobject.readOne(attachment.content.decode())


def files(message: Message, calendar: Calendar = OURS) -> tuple[Attachment, ...]:
    return invitations(message, calendar)


def notice(*lessons: Lesson, **values: Any) -> Message:
    return a_message(*lessons, kind=Kind.NOTICE, **values)


def test_a_session_is_an_event_with_all_that_is_known() -> None:
    (file,) = files(a_message(role=Role.STUDENT))
    event = read(file).vevent

    assert (file.name, file.mime_type) == (
        "session.ics",
        "text/calendar; method=PUBLISH; charset=utf-8",
    )
    assert read(file).method.value == "PUBLISH"
    assert event.uid.value == "session-17@session-worker.invalid"
    assert event.summary.value == "Mathematics – Hana Alemu"
    assert event.url.value == "https://meet.example.com/abc-defg-hij"
    assert event.description.value == (
        "Quadratic equations\nAlgebra board\nhttps://meet.example.com/abc-defg-hij"
    )
    assert event.organizer.value == "mailto:desk@school.example"
    assert event.status.value == "CONFIRMED"


@pytest.mark.parametrize(
    ("key", "start"),
    [
        ("Africa/Addis_Ababa", datetime(2026, 11, 27, 14, 0)),  # noqa: DTZ001
        ("America/New_York", datetime(2026, 3, 8, 1, 59)),  # noqa: DTZ001
        ("America/New_York", datetime(2026, 3, 8, 3, 0)),  # noqa: DTZ001
        ("America/New_York", datetime(2026, 7, 1, 14, 0)),  # noqa: DTZ001
        ("America/New_York", datetime(2026, 10, 31, 23, 30)),  # noqa: DTZ001
        ("America/New_York", datetime(2026, 11, 1, 2, 0)),  # noqa: DTZ001
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 30)),  # noqa: DTZ001
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 23, 0)),  # noqa: DTZ001
        ("Australia/Lord_Howe", datetime(2026, 12, 24, 18, 0)),  # noqa: DTZ001
    ],
)
def test_start_and_end_are_the_same_instants_for_the_second_library(
    key: str, start: datetime
) -> None:
    zone = ZoneInfo(key)
    starts_at = start.replace(tzinfo=zone).astimezone(UTC)
    lesson = a_lesson(starts_at=starts_at, ends_at=starts_at + HOUR)

    (file,) = files(a_message(lesson), Calendar(zone, ""))

    event = read(file).vevent
    assert f"DTSTART;TZID={key}:{start:%Y%m%dT%H%M%S}".encode() in file.content
    assert event.dtstart.value.astimezone(UTC) == starts_at
    assert event.dtend.value.astimezone(UTC) == starts_at + HOUR


@pytest.mark.parametrize(
    ("starts", "minutes"),
    [((4, 30), 60), ((5, 0), 30), ((5, 30), 60), ((6, 0), 60), ((4, 30), 45)],
)
def test_an_hour_that_comes_twice_is_told_in_utc(starts: tuple[int, int], minutes: int) -> None:
    """In New York the clocks go back from 02:00 to 01:00 at 06:00 UTC: most readers take a wall
    time of that hour for the second, and one end alone in UTC for an event of no length."""
    starts_at = datetime(2026, 11, 1, *starts, tzinfo=UTC)
    ends_at = starts_at + minutes * MINUTE

    (file,) = files(
        a_message(a_lesson(starts_at=starts_at, ends_at=ends_at)),
        Calendar(ZoneInfo("America/New_York"), ""),
    )

    assert f"DTSTART:{starts_at:%Y%m%dT%H%M%SZ}".encode() in file.content
    assert f"DTEND:{ends_at:%Y%m%dT%H%M%SZ}".encode() in file.content


def test_the_events_place_is_the_link_or_place_of_the_mail(words: Words) -> None:
    lesson = a_lesson(mode="online", location="Bole")
    (file,) = render(a_message(lesson), ChannelName.EMAIL, words).attachments

    assert read(file).vevent.location.value == lesson.meeting_link


def test_a_session_in_person_does_not_name_a_link(words: Words) -> None:
    lesson = a_lesson(mode="in-person", location="Bole")
    (file,) = render(a_message(lesson), ChannelName.EMAIL, words).attachments

    assert read(file).vevent.location.value == "Bole"
    assert b"meet.example.com" not in file.content


REQUESTS = Calendar(ADDIS, "desk@school.example", CalendarMethod.REQUEST)


@pytest.mark.parametrize(("change", "method"), [(moved, "REQUEST"), (cancelled, "CANCEL")])
def test_a_request_and_its_cancellation_name_their_attendee(
    change: Callable[[Lesson], Lesson], method: str
) -> None:
    (file,) = files(notice(change(a_lesson())), REQUESTS)

    assert read(file).method.value == method
    attendee = read(file).vevent.attendee
    assert attendee.value == "mailto:abebe@tutoring.example"
    assert attendee.params["RSVP"] == ["FALSE"]
    assert file.mime_type == f"text/calendar; method={method}; charset=utf-8"


def test_a_published_file_names_no_attendee() -> None:
    for message in (a_message(), notice(cancelled(a_lesson()))):
        (file,) = files(message)
        assert b"ATTENDEE" not in file.content


def test_a_request_is_about_one_session_and_many_are_published() -> None:
    lessons = [a_lesson(session_id=number) for number in range(6)]

    assert [read(f).method.value for f in files(a_message(*lessons[:5]), REQUESTS)] == [
        "REQUEST"
    ] * 5
    (file,) = files(a_message(*lessons), REQUESTS)
    assert read(file).method.value == "PUBLISH"
    assert b"ATTENDEE" not in file.content


def test_without_an_organizer_nothing_is_requested() -> None:
    (file,) = files(a_message(), replace(REQUESTS, organizer=""))

    assert read(file).method.value == "PUBLISH"


def test_an_entry_keeps_the_identifier_that_was_told() -> None:
    (file,) = files(notice(cancelled(a_lesson(session_id=99, entry="17"))))

    assert read(file).vevent.uid.value == "session-17@session-worker.invalid"


def test_two_messages_of_one_second_have_their_order() -> None:
    first = a_lesson()
    second = moved(a_lesson(after=first.sequence(NOW)))

    assert second.sequence(NOW) == first.sequence(NOW) + 1


def test_a_site_on_utc_needs_no_zone() -> None:
    (file,) = files(a_message(), Calendar(ZoneInfo("UTC"), ""))

    assert b"DTSTART:20261127T110000Z" in file.content
    assert b"VTIMEZONE" not in file.content


def test_a_cancelled_session_is_cancelled_under_its_own_identifier() -> None:
    (before,) = files(a_message(at=NOW - DAY))
    (after,) = files(notice(cancelled(a_lesson()), at=NOW))

    assert after.mime_type == "text/calendar; method=CANCEL; charset=utf-8"
    assert read(after).method.value == "CANCEL"
    assert read(after).vevent.status.value == "CANCELLED"
    assert read(after).vevent.uid.value == read(before).vevent.uid.value
    assert sequence(after) > sequence(before)
    assert b"VALARM" not in after.content


def sequence(attachment: Attachment) -> int:
    return int(read(attachment).vevent.sequence.value)


def test_each_later_message_outranks_the_one_before() -> None:
    told = (
        a_message(at=NOW - DAY),
        notice(moved(a_lesson()), at=NOW - HOUR),
        notice(cancelled(a_lesson()), at=NOW - MINUTE),
        notice(restored(a_lesson()), at=NOW),
    )
    sequences = [sequence(file) for message in told for file in files(message)]

    assert sequences == sorted(set(sequences))
    assert sequences[-1] < 2**31


def test_a_repeated_try_has_the_same_file() -> None:
    first = a_message(at=NOW)

    assert files(first) == files(a_message(at=NOW, now=NOW + HOUR))


def test_what_moved_and_what_is_cancelled_go_as_files_of_their_own() -> None:
    one, two, three = (a_lesson(session_id=number) for number in (1, 2, 3))
    kept, first, second = files(notice(moved(one), cancelled(two), cancelled(three)))

    assert [read(kept).method.value, read(first).method.value] == ["PUBLISH", "CANCEL"]
    assert read(first).vevent.uid.value.startswith("session-2@")
    assert read(second).vevent.uid.value.startswith("session-3@")


def test_many_cancellations_are_one_file() -> None:
    lessons = [cancelled(a_lesson(session_id=number)) for number in range(12)]
    (file,) = files(notice(*lessons))

    assert read(file).method.value == "PUBLISH"
    assert [event.status.value for event in read(file).vevent_list] == ["CANCELLED"] * 12


@pytest.mark.parametrize(
    ("kind", "lead", "before"),
    [
        (Kind.ALARM, timedelta(0), timedelta(0)),
        (Kind.ALARM, 5 * MINUTE, 5 * MINUTE),
        (Kind.ALARM, HOUR, 15 * MINUTE),
        (Kind.REMINDER, DAY, 15 * MINUTE),
        (Kind.NOTICE, timedelta(0), 15 * MINUTE),
    ],
)
def test_the_calendar_rings_too(kind: Kind, lead: timedelta, before: timedelta) -> None:
    (file,) = files(a_message(kind=kind, lead=lead))
    alarm = read(file).vevent.valarm

    assert alarm.action.value == "DISPLAY"
    assert alarm.trigger.value == -before


def test_a_group_rings_once() -> None:
    lessons = [a_lesson(session_id=n, student_name=f"Student {n}") for n in range(30)]
    (file,) = files(a_message(*lessons, role=Role.TUTOR))

    assert len(read(file).vevent_list) == 30
    assert file.content.count(b"BEGIN:VALARM") == 1


@pytest.mark.parametrize(("language", "summary"), [("en", "Session"), ("am", "ትምህርት")])
def test_a_session_that_knows_little_is_an_event_all_the_same(
    words: Words, language: str, summary: str
) -> None:
    message = a_message(a_bare_lesson(subject=""), language=language)
    (file,) = render(
        message, ChannelName.EMAIL, replace(words, calendar=Calendar(ADDIS, ""))
    ).attachments
    event = read(file).vevent

    assert event.summary.value == summary
    assert not {"url", "location", "description", "organizer"} & set(event.contents)


def test_no_text_of_the_site_becomes_a_line_of_the_file(words: Words) -> None:
    hostile = "Maths\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil;x,y\\n"
    lesson = a_lesson(subject=hostile, topic=hostile, location=hostile, meeting_link=hostile)

    (file,) = render(a_message(lesson), ChannelName.EMAIL, words).attachments

    assert len(read(file).vevent_list) == 1
    assert read(file).vevent.uid.value == "session-17@session-worker.invalid"
    assert read(file).vevent.summary.value.startswith("Maths END:VEVENT BEGIN:VEVENT UID:evil;x,y")


def test_lines_are_folded_and_letters_stay_whole(words: Words) -> None:
    lesson = a_lesson("am", topic="ካሬ እኩልታዎች " * 15, meeting_link=None)

    (file,) = render(a_message(lesson), ChannelName.EMAIL, words).attachments

    assert max(len(line) for line in file.content.split(b"\r\n")) <= 75
    assert read(file).vevent.description.value.startswith("ካሬ እኩልታዎች ካሬ")


def test_a_mail_program_finds_the_method() -> None:
    (file,) = files(notice(cancelled(a_lesson())))
    mail = EmailMessage()
    mail.set_content("Cancelled")
    main, _, rest = file.mime_type.partition("/")
    sub, _, parameters = rest.partition("; ")
    mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    (part,) = mail.iter_attachments()
    for name, value in (pair.split("=") for pair in parameters.split("; ")):
        part.set_param(name, value)

    assert part.get_content_type() == "text/calendar"
    assert part["content-type"].params["method"] == "CANCEL"
