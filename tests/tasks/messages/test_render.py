"""Parts of a letter, by channel and kind."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from scheduler.languages import LANGUAGES
from scheduler.message import Kind, Preferences
from scheduler.settings import ChannelName
from tasks.messages.render import Words, render
from tests.tasks.messages.samples import (
    ADDIS,
    KEY,
    LINK,
    START,
    a_bare_lesson,
    a_lesson,
    a_message,
    moved,
)


@pytest.mark.parametrize("channel", ChannelName)
def test_html_and_calendar_are_for_mail_and_data_for_the_webhook(
    channel: ChannelName, words: Words
) -> None:
    letter = render(a_message(), channel, words)

    assert (letter.html is not None) == (channel is ChannelName.EMAIL)
    assert bool(letter.attachments) == (channel is ChannelName.EMAIL)
    assert (letter.data is not None) == (channel is ChannelName.WEBHOOK)


@pytest.mark.parametrize("kind", Kind)
def test_alarms_alone_are_urgent(kind: Kind, words: Words) -> None:
    lesson = moved(a_lesson()) if kind is Kind.NOTICE else a_lesson()

    letter = render(a_message(lesson, kind=kind), ChannelName.PUSH, words)

    assert letter.urgent == (kind in (Kind.ALARM, Kind.ESCALATION))


@pytest.mark.parametrize("channel", ChannelName)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [Kind.ALARM, Kind.REMINDER, Kind.NOTICE, Kind.AGENDA])
def test_every_message_names_what_it_must(
    kind: Kind, language: str, channel: ChannelName, words: Words
) -> None:
    lesson = moved(a_lesson(language)) if kind is Kind.NOTICE else a_lesson(language)
    letter = render(a_message(lesson, kind=kind, language=language), channel, words)
    whole = f"{letter.title}\n{letter.text}"

    assert lesson.subject in whole
    assert (lesson.tutor_name or "") in whole
    assert LINK in whole
    assert "14:00" in whole
    assert "27" in whole
    if language != "en":
        assert "8:00" in whole
        assert {"am": "ኅዳር 18", "om": "Sadaasa 18", "ti": "18 ሕዳር"}[language] in whole


def test_the_webhook_carries_the_facts_for_a_program(words: Words) -> None:
    lesson = replace(moved(a_lesson()), topic=None)
    letter = render(a_message(lesson, kind=Kind.NOTICE), ChannelName.WEBHOOK, words)

    assert "\n" not in letter.text
    assert json.loads(json.dumps(letter.data)) == {
        "version": 1,
        "kind": "notice",
        "key": str(KEY),
        "role": "student",
        "person_id": 7,
        "language": "en",
        "mute_url": None,
        "lead_minutes": 15,
        "sessions": [
            {
                "session_id": 17,
                "delivery_id": 170,
                "subject": "Mathematics",
                "topic": None,
                "starts_at": "2026-11-27T14:00:00+03:00",
                "ends_at": "2026-11-27T15:00:00+03:00",
                "mode": "online",
                "meeting_link": LINK,
                "location": None,
                "tutor": "Hana Alemu",
                "student": "Sara Bekele",
                "whiteboard": "Algebra board",
                "role": "student",
                "change": {
                    "kind": "moved",
                    "old_starts_at": "2026-11-27T13:00:00+03:00",
                    "replaced": [],
                    "absence": None,
                },
            }
        ],
    }


def test_a_session_without_a_subject_is_still_told(words: Words) -> None:
    message = a_message(a_bare_lesson(subject="  "))
    amharic = replace(message.recipient, preferences=Preferences("am", ADDIS))

    assert (
        render(message, ChannelName.PUSH, words).title == "Session begins in 12 minutes, at 14:00"
    )
    assert (
        render(replace(message, recipient=amharic), ChannelName.PUSH, words).title
        == "ትምህርት ከ12 ደቂቃ በኋላ፣ ከቀኑ 8:00 (14:00) ይጀምራል"
    )


def test_a_title_keeps_its_time_however_long_the_names_are(words: Words) -> None:
    lesson = a_lesson(subject="Mathematics " * 9, tutor_name="Abebe Kebede " * 9)
    letter = render(a_message(lesson, now=START), ChannelName.EMAIL, words)

    assert letter.title.endswith("with Abebe begins now, at 14:00")


@pytest.mark.parametrize("kind", [Kind.ALARM, Kind.REMINDER])
def test_an_oromo_title_keeps_its_time_however_long_the_names_are(kind: Kind, words: Words) -> None:
    lesson = a_lesson("om", subject="Herrega " * 9, tutor_name="Hanaa Alamuu " * 9)
    far = a_message(lesson, language="om", now=START - timedelta(days=3), kind=kind)

    assert "Jimaata, Sadaasa 18, guyyaa 8:00 (14:00)" in render(far, ChannelName.EMAIL, words).title


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (START - timedelta(minutes=12), 12),
        (START - timedelta(minutes=11, seconds=59), 12),
        (START - timedelta(seconds=1), 1),
        (START, 0),
        (START + timedelta(minutes=1), 0),
    ],
)
def test_a_letter_knows_the_minutes_that_are_left(now: datetime, left: int, words: Words) -> None:
    letter = render(replace(a_message(), now=now), ChannelName.SMS, words)

    assert letter.minutes_left == left
