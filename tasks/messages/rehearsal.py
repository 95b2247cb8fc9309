"""Example messages that try every template once, when a worker starts with an admin's templates."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.message import (
    Absent,
    Change,
    ChangeKind,
    Kind,
    Lesson,
    Message,
    Preferences,
    Recipient,
)
from scheduler.settings import ChannelName, Role

NOW = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)
START = NOW + timedelta(hours=24)
HOUR = timedelta(hours=1)
MARKUP = "<&>"  # must be escaped in HTML


def rehearsals(languages: Iterable[str]) -> Iterator[tuple[Message, ChannelName]]:
    """Messages of each kind for each role on each channel: one complete lesson, one with every
    optional value missing, and several lessons."""
    for language, role, channel in product(languages, Role, ChannelName):
        for kind, lessons in programme():
            theirs = tuple(replace(one, role=role) for one in lessons)
            yield message(kind, role, language, theirs), channel


def programme() -> Iterator[tuple[Kind, tuple[Lesson, ...]]]:
    full, bare = lesson(1, f"Mathematics {MARKUP}"), bare_lesson(2)
    for kind in (Kind.ALARM, Kind.REMINDER, Kind.AGENDA, Kind.ESCALATION, Kind.FOLLOW_UP):
        yield from ((kind, (full,)), (kind, (bare,)), (kind, (full, bare)))
    changed = [
        lesson(number, f"Physics {MARKUP}", Change(change, START - HOUR, frozenset(Role)))
        for number, change in enumerate(ChangeKind, start=3)
    ]
    changed.append(replace(changed[1], goes_on_with=("Dawit Bekele",)))
    for absent in Absent:
        cause = Change(ChangeKind.CANCELLED, START, absent=absent)
        changed.append(replace(changed[1], change=cause, closed_for=f"Timket {MARKUP}"))
    yield from ((Kind.NOTICE, (one,)) for one in changed)
    yield Kind.NOTICE, tuple(changed)


def message(kind: Kind, role: Role, language: str, lessons: tuple[Lesson, ...]) -> Message:
    preferences = Preferences(language, ZoneInfo("Africa/Addis_Ababa"))
    recipient = Recipient(
        1, role, "Abebe Kebede", "abebe@example.com", "+251911000000", preferences
    )
    return Message(kind, recipient, lessons, HOUR, UUID(int=0), NOW, NOW, "https://a.example/a")


def lesson(number: int, subject: str, change: Change | None = None) -> Lesson:
    return Lesson(
        session_id=number,
        subject=subject,
        topic="Fractions",
        starts_at=START,
        ends_at=START + HOUR,
        mode="hybrid",
        meeting_link="https://meet.example.com/abc",
        location="Bole",
        tutor_name="Hana Alemu",
        student_name="Sara Bekele",
        whiteboard_name="Fractions board",
        delivery_id=number,
        change=change,
    )


def bare_lesson(number: int) -> Lesson:
    return Lesson(
        session_id=number,
        subject="Biology",
        topic=None,
        starts_at=START + HOUR / 2,
        ends_at=START + 2 * HOUR,
        mode=None,
        meeting_link=None,
        location=None,
        tutor_name=None,
        student_name=None,
        whiteboard_name=None,
        delivery_id=number,
    )
