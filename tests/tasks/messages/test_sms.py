"""Number of SMS of a text, and the shortening that makes it one."""

import re
from collections.abc import Callable

import pytest

from scheduler.languages import LANGUAGES
from scheduler.message import Kind, Lesson
from scheduler.settings import ChannelName, Role
from tasks.messages.render import Words, render
from tasks.messages.segments import excess, in_gsm_alphabet, plain, segments
from tests.tasks.messages.samples import (
    HOUR,
    LINK,
    START,
    a_bare_lesson,
    a_lesson,
    a_message,
    cancelled,
    moved,
    restored,
)

WEEK = 7 * 24 * HOUR


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        ("€" * 80, 1),  # two places each
        ("€" * 81, 2),
        ("ሰ" * 70, 1),
        ("ሰ" * 71, 2),
        ("ሰ" * 134, 2),
        ("ሰ" * 135, 3),
        ("a" * 69 + "á", 1),  # one letter outside the alphabet
        ("a" * 70 + "á", 2),
        ("🎓" * 35, 1),  # two places each
        ("🎓" * 36, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # no letter is split between two SMS
        ("a" * 151 + "€" + "a" * 153, 2),
        ("ሰ" * 66 + "🎓" + "ሰ" * 66, 3),
        ("ሰ" * 65 + "🎓" + "ሰ" * 67, 2),
    ],
)
def test_segments_are_counted_as_networks_do(text: str, count: int) -> None:
    assert segments(text) == count
    assert excess(text, count) <= 0
    assert count == 1 or excess(text, count - 1) > 0


def test_typography_and_pictures_do_not_cost_a_second_sms() -> None:
    assert plain("“Maths” – it’s on… 🎓👩\u200d🔬 → ok\ufe0f") == '"Maths" - it\'s on...  > ok'


def sms(words: Words, language: str = "en", **lesson: str | None) -> str:
    message = a_message(a_lesson(language, **lesson), language=language)
    return render(message, ChannelName.SMS, words).text


def test_all_is_said_where_there_is_room(words: Words) -> None:
    assert sms(words, whiteboard_name=None) == (
        "Mathematics (Quadratic equations) with Hana Alemu begins in 12 minutes,"
        f" Fri 27 Nov 14:00. {LINK}"
    )


def test_the_topic_is_cut_first(words: Words) -> None:
    text = sms(words, topic="Quadratic equations, their roots, and where they come from")

    assert segments(text) == 1
    assert text.startswith("Mathematics (Quadratic e")
    assert "Whiteboard: Algebra board" in text
    assert "Hana Alemu" in text


def test_a_topic_that_leaves_no_room_for_any_of_it_goes(words: Words) -> None:
    text = sms(words, topic="Roots", meeting_link=LINK + "x" * 25)

    assert segments(text) == 1
    assert text.startswith("Mathematics with Hana Alemu begins")


def test_time_and_link_are_never_cut(words: Words) -> None:
    link = LINK + "x" * 300
    text = sms(words, topic="T" * 200, subject="S" * 80, tutor_name="N" * 80, meeting_link=link)

    assert "in 12 minutes, Fri 27 Nov 14:00" in text
    assert link in text
    assert segments(text) == 3  # the link alone takes more than two
    assert "T" * 60 not in text


def test_a_place_is_cut_before_the_subject(words: Words) -> None:
    text = sms(
        words, topic=None, whiteboard_name=None, mode="in-person", location="By the river " * 12
    )

    assert segments(text) == 1
    assert text.startswith("Mathematics with Hana begins")
    assert "By the river" in text


def test_an_amharic_sms_without_a_link_is_one(words: Words) -> None:
    text = sms(words, "am", meeting_link=None, whiteboard_name=None, mode="in-person")

    assert segments(text) == 1
    assert "ኅዳር 18 ከቀኑ 8:00 (27 Nov 14:00)" in text


def test_an_amharic_cancellation_is_one_sms(words: Words) -> None:
    message = a_message(cancelled(a_lesson("am")), language="am", kind=Kind.NOTICE)
    text = render(message, ChannelName.SMS, words).text

    assert segments(text) == 1
    assert text.startswith("ተሰርዟል፦ ሒሳብ")


def test_an_oromo_alarm_is_one_sms_in_the_gsm_alphabet(words: Words) -> None:
    text = sms(words, "om", whiteboard_name=None)

    assert in_gsm_alphabet(text)
    assert segments(text) == 1
    assert "Sadaasa 18 guyyaa 8:00 (27 Nov 14:00)" in text


def test_a_tigrinya_sms_without_a_link_is_one(words: Words) -> None:
    text = sms(words, "ti", meeting_link=None, whiteboard_name=None, mode="in-person")

    assert segments(text) == 1
    assert "18 ሕዳር 8:00 ድሕሪ ቀትሪ" in text


@pytest.mark.parametrize(("language", "count"), [("en", 2), ("am", 4), ("om", 3), ("ti", 4)])
def test_a_series_that_moves_says_its_times_once(words: Words, language: str, count: int) -> None:
    starts = [START + week * WEEK for week in range(1, 13)]
    lessons = [a_lesson(language, session_id=n, starts_at=s) for n, s in enumerate(starts)]
    told = [moved(lesson, lesson.starts_at - HOUR) for lesson in lessons]
    message = a_message(*told, language=language, kind=Kind.NOTICE)

    text = render(message, ChannelName.SMS, words).text

    assert segments(text) == count
    # Of the Gregorian calendar there is no room in Ethiopic letters.
    december = {"en": "Dec", "am": "ታኅሣሥ", "om": "Mudde", "ti": "ታሕሳስ"}[language]
    assert (text.count("13:00"), text.count("14:00")) == (1, 1)
    assert text.count(december) == {"en": 4, "am": 5, "om": 5, "ti": 5}[language]


def test_sessions_that_move_to_other_days_have_all_their_times(words: Words) -> None:
    lessons = [a_lesson(session_id=n, starts_at=START + n * WEEK) for n in (1, 2)]
    told = [moved(lesson, lesson.starts_at - WEEK / 7) for lesson in lessons]

    text = render(a_message(*told, kind=Kind.NOTICE), ChannelName.SMS, words).text

    assert "Thu 3 Dec 14:00 > Fri 4 Dec 14:00, Thu 10 Dec 14:00 > Fri 11 Dec 14:00. " in text


@pytest.mark.parametrize("kind", [Kind.ALARM, Kind.AGENDA])
@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Alemu, Bole"), ("am", "ጋር፣ Bole"), ("om", "waliin, Bole"), ("ti", "ዓለሙ፣ Bole")],
)
@pytest.mark.parametrize(
    "way_in", [{"meeting_link": None, "location": "Bole"}, {"meeting_link": "Bole"}]
)
def test_the_way_in_does_not_read_as_a_part_of_the_name_before_it(
    kind: Kind, language: str, told: str, way_in: dict[str, str | None], words: Words
) -> None:
    lesson = a_lesson(language, session_id=18, **way_in)
    message = a_message(a_lesson(language), lesson, language=language, kind=kind)

    assert told in render(message, ChannelName.SMS, words).text


@pytest.mark.parametrize("change", [moved, cancelled, restored])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_change_with_nobody_named_leaves_no_gap(
    change: Callable[[Lesson], Lesson], language: str, words: Words
) -> None:
    message = a_message(change(a_bare_lesson()), language=language, kind=Kind.NOTICE)
    text = render(message, ChannelName.SMS, words).text

    assert not re.search(r" [,.:፣፤፦።]", text)


def test_what_takes_two_sms_anyway_uses_the_room_of_both(words: Words) -> None:
    text = sms(words, "am")

    assert segments(text) == 2
    assert "ካሬ እኩልታዎች" in text
    assert "ነጭ ሰሌዳ፦ የአልጀብራ ሰሌዳ" in text


def test_thirty_students_are_a_number_in_an_sms(words: Words) -> None:
    lessons = [a_lesson(session_id=n, student_name=f"Student {n}") for n in range(30)]
    message = a_message(*lessons, role=Role.TUTOR, now=START)
    text = render(message, ChannelName.SMS, words).text

    assert segments(text) == 1
    assert "with 30 students begins now" in text
