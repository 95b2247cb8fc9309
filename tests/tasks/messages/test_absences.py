"""Words of an absence in each language: the person who is away, or the holiday of everybody."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scheduler.message import Absent, Change, ChangeKind, Kind, Lesson
from scheduler.settings import ChannelName, Role, Settings
from tasks.messages.render import TONGUES, render, words_of
from tests.tasks.messages.samples import START, a_lesson, a_message

WORDS = words_of(Settings())
AWAY = {"en": "is away", "am": "አይገኙም", "om": "hin argaman", "ti": "ኣይርከቡን"}
YOU = {"en": "you are away", "am": "እርስዎ አይገኙም", "om": "sin hin argamtan", "ti": "ንስኹም ኣይትርከቡን"}


def off_for(absent: Absent, lesson: Lesson, **values: object) -> Lesson:
    change = Change(ChangeKind.CANCELLED, lesson.starts_at, absent=absent)
    return replace(lesson, change=change, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize("channel", [ChannelName.EMAIL, ChannelName.SMS, ChannelName.WEBHOOK])
def test_one_cancelled_session_says_who_is_away(language: str, channel: ChannelName) -> None:
    lesson = off_for(Absent.TUTOR, a_lesson(language))

    to_student = render(a_message(lesson, kind=Kind.NOTICE, language=language), channel, WORDS).text
    to_tutor = render(
        a_message(lesson, kind=Kind.NOTICE, language=language, role=Role.TUTOR), channel, WORDS
    ).text

    assert f"{lesson.tutor_name} {AWAY[language]}" in to_student
    assert YOU[language] in to_tutor


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize("channel", ChannelName)
def test_of_several_sessions_each_run_says_it(language: str, channel: ChannelName) -> None:
    lessons = [
        off_for(Absent.EVERYBODY, a_lesson(language, session_id=number), closed_for="Timket",
                starts_at=START + number * timedelta(days=7),
                ends_at=START + number * timedelta(days=7, hours=1))
        for number in (1, 2)
    ]  # fmt: skip
    letter = render(a_message(*lessons, kind=Kind.NOTICE, language=language), channel, WORDS)
    assert "Timket" in letter.text


def test_without_a_name_the_role_is_said() -> None:
    for language, role in (
        ("en", "the tutor"),
        ("am", "አስጠኚው"),
        ("om", "arsiisaan"),
        ("ti", "መምህር"),
    ):
        lesson = off_for(Absent.TUTOR, a_lesson(language, tutor_name=None))
        message = a_message(lesson, kind=Kind.NOTICE, language=language)
        assert role in render(message, ChannelName.SMS, WORDS).text


@pytest.mark.parametrize(
    ("absent", "closed_for", "expected"),
    [
        (Absent.TUTOR, "", {"of": "tutor", "reason": None}),
        (Absent.EVERYBODY, "Timket", {"of": "everybody", "reason": "Timket"}),
    ],
)
def test_the_webhook_names_the_absence(
    absent: Absent, closed_for: str, expected: dict[str, object]
) -> None:
    lesson = off_for(absent, a_lesson(), closed_for=closed_for)
    letter = render(a_message(lesson, kind=Kind.NOTICE), ChannelName.WEBHOOK, WORDS)

    assert letter.data is not None
    sessions: Any = letter.data["sessions"]
    assert [each["change"]["absence"] for each in sessions] == [expected]
