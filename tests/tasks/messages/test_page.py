"""Sessions that a message names, their order, and several messages combined into one."""

from datetime import datetime

import pytest

from scheduler.message import Kind, Message
from scheduler.settings import Role
from tasks.messages.clean_message import clean_message
from tasks.messages.english import English
from tasks.messages.page import Page, page_of
from tests.tasks.messages.samples import (
    HOUR,
    LINK,
    MINUTE,
    START,
    a_bare_lesson,
    a_lesson,
    a_message,
    cancelled,
    moved,
    restored,
)


def page(message: Message) -> Page:
    return page_of(clean_message(message), English())


def test_a_group_is_one_entry_with_its_students_in_order() -> None:
    names = ("sara", "Abel", "Zeritu", "Bekele")
    lessons = [a_lesson(session_id=n, student_name=name) for n, name in enumerate(names)]

    (entry,) = page(a_message(*lessons, role=Role.TUTOR)).entries

    assert entry.students == ("Abel", "Bekele", "sara", "Zeritu")
    assert entry.who == "with 4 students"


@pytest.mark.parametrize(
    ("role", "who"),
    [
        (Role.TUTOR, "with Sara Bekele"),
        (Role.STUDENT, "with Hana Alemu"),
        (Role.PARENT, "for Sara Bekele with Hana Alemu"),
    ],
)
def test_tutor_and_student_each_read_the_others_name(role: Role, who: str) -> None:
    assert page(a_message(role=role)).entries[0].who == who


def test_two_children_with_one_tutor_are_named_both() -> None:
    lessons = (a_lesson(), a_lesson(session_id=18, student_name="Dawit Bekele"))

    (entry,) = page(a_message(*lessons, role=Role.PARENT)).entries

    assert entry.who == "for Dawit Bekele and Sara Bekele with Hana Alemu"


@pytest.mark.parametrize("role", Role)
def test_a_person_without_a_name_is_not_mentioned(role: Role) -> None:
    assert page(a_message(a_bare_lesson(), role=role)).entries[0].what == "Mathematics"


@pytest.mark.parametrize(
    ("mode", "link", "place", "shown"),
    [
        ("online", LINK, "Bole", (LINK, "")),
        ("Online", LINK, None, (LINK, "")),
        ("online", None, "Bole", ("", "Bole")),
        ("in-person", LINK, "Bole", ("", "Bole")),
        ("In Person", LINK, "Bole", ("", "Bole")),
        ("in_person", LINK, None, (LINK, "")),
        ("hybrid", LINK, "Bole", (LINK, "Bole")),
        (None, LINK, "Bole", (LINK, "Bole")),
        ("online", None, None, ("", "online, no link yet")),
        ("in-person", None, None, ("", "")),
    ],
)
def test_the_way_in_is_the_modes(
    mode: str | None, link: str | None, place: str | None, shown: tuple[str, str]
) -> None:
    lesson = a_lesson(mode=mode, meeting_link=link, location=place)
    entry = page(a_message(lesson)).entries[0]

    assert (entry.link, entry.place) == shown


def test_the_agenda_is_in_order_and_tells_gaps_and_overlaps() -> None:
    starts = {"third": 150, "first": 0, "second": 45, "fourth": 300}
    lessons = [
        a_lesson(
            subject=name, starts_at=START + n * MINUTE, ends_at=START + n * MINUTE + 90 * MINUTE
        )
        for name, n in starts.items()
    ]
    told = page(a_message(*lessons, kind=Kind.AGENDA)).entries

    assert [(entry.subject, entry.overlaps, entry.gap) for entry in told] == [
        ("first", False, ""),
        ("second", True, ""),
        ("third", False, "15 minutes"),
        ("fourth", False, "1 hour"),
    ]


def test_a_short_session_within_a_long_one_does_not_end_it() -> None:
    lessons = (
        a_lesson(subject="long", ends_at=START + 3 * HOUR),
        a_lesson(subject="short", starts_at=START + HOUR, ends_at=START + 2 * HOUR),
        a_lesson(subject="late", starts_at=START + 2 * HOUR, ends_at=START + 4 * HOUR),
    )
    assert [e.overlaps for e in page(a_message(*lessons, kind=Kind.AGENDA)).entries] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("old_starts_at", "clocks", "times"),
    [
        (START - HOUR, "13:00 → 14:00", "Fri 27 Nov 13:00 → 14:00"),
        (START - 24 * HOUR, "", "Thu 26 Nov 14:00 → Fri 27 Nov 14:00"),
    ],
)
def test_a_move_tells_its_clocks_alone_where_it_stays_on_its_day(
    old_starts_at: datetime, clocks: str, times: str
) -> None:
    (entry,) = page(a_message(moved(a_lesson(), old_starts_at))).entries

    assert (entry.clocks, entry.times) == (clocks, times)
    assert entry.same_day is bool(clocks)


def test_what_did_not_move_has_one_clock() -> None:
    (entry,) = page(a_message(cancelled(a_lesson()))).entries

    assert (entry.clocks, entry.times, entry.same_day) == ("14:00", "Fri 27 Nov 14:00", True)


def test_changes_of_one_kind_are_titled_by_it_and_different_ones_as_mixed() -> None:
    one, two = a_lesson(), a_lesson(session_id=18, subject="Physics")

    assert page(a_message(moved(one), moved(two))).change == "moved"
    assert page(a_message(restored(one), cancelled(two))).change == "mixed"
    assert page(a_message(one)).change == ""


def test_a_cancelled_session_is_named_by_the_start_that_was_sent_before() -> None:
    lesson = cancelled(a_lesson())
    later = a_lesson(
        starts_at=START + HOUR, ends_at=START + 3 * HOUR, change=lesson.change
    )  # moved and cancelled before a notice of the move

    assert page(a_message(later)).entries[0].when.span == "14:00–16:00"


def test_a_message_about_nothing_is_an_error() -> None:
    message = a_message()
    empty = type(message)(
        message.kind, message.recipient, (), message.lead, message.key, message.at, message.now
    )
    with pytest.raises(ValueError, match="about no lesson"):
        page(empty)
