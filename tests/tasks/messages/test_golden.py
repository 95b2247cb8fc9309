"""Every message in every language on every channel, compared with its golden file."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.languages import LANGUAGES
from scheduler.message import Absent, Change, ChangeKind, Kind, Lesson, Message
from scheduler.settings import ChannelName, Role
from tasks.messages.letter import Letter
from tasks.messages.render import Words, render
from tests.tasks.messages.samples import (
    BOLE,
    HOUR,
    LIBRARY,
    MINUTE,
    OTHER_STUDENT,
    OTHER_SUBJECT,
    OTHER_TUTOR,
    SITE_TEXTS,
    START,
    STUDENT,
    THIRD_SUBJECT,
    a_bare_lesson,
    a_lesson,
    a_message,
    cancelled,
    moved,
    restored,
)

GOLDEN = Path(__file__).parent / "golden"
DAY = timedelta(days=1)


def alarm_to_a_student(language: str) -> Message:
    return a_message(a_lesson(language), language=language)


def alarm_now_to_a_parent(language: str) -> Message:
    """Two children, each with a lesson of their own, that begin at this moment."""
    first = a_lesson(language)
    second = a_lesson(
        language,
        session_id=18,
        subject=OTHER_SUBJECT[language],
        topic=None,
        student_name=OTHER_STUDENT[language],
        tutor_name=OTHER_TUTOR[language],
        meeting_link=None,
        mode="in-person",
        location=LIBRARY[language],
        whiteboard_name=None,
    )
    return a_message(
        first, second, language=language, role=Role.PARENT, now=START, lead=timedelta(0)
    )


def reminder_to_a_tutor(language: str) -> Message:
    return a_message(
        a_lesson(language),
        language=language,
        role=Role.TUTOR,
        kind=Kind.REMINDER,
        now=START - DAY,
        lead=DAY,
    )


def reminder_of_a_group(language: str) -> Message:
    """Thirty students at once; the names are in order, whatever order they come in."""
    name = STUDENT[language]
    lessons = (
        a_lesson(language, session_id=number, student_name=f"{name} {number:02}")
        for number in range(30, 0, -1)
    )
    return a_message(
        *lessons,
        language=language,
        role=Role.TUTOR,
        kind=Kind.REMINDER,
        now=START - HOUR,
        lead=HOUR,
    )


def reminder_that_knows_little(language: str) -> Message:
    lesson = a_bare_lesson(subject=THIRD_SUBJECT[language])
    return a_message(
        lesson, language=language, name=None, kind=Kind.REMINDER, now=START - 3 * DAY, lead=3 * DAY
    )


def notice(language: str, lesson: Lesson) -> Message:
    return a_message(lesson, language=language, kind=Kind.NOTICE, now=START - 5 * HOUR)


def notice_of_a_move(language: str) -> Message:
    lesson = a_lesson(language, starts_at=START + DAY, ends_at=START + DAY + HOUR)
    return notice(language, moved(lesson, START))


def notice_of_a_cancellation(language: str) -> Message:
    return notice(language, cancelled(a_lesson(language)))


def notice_of_a_restoration(language: str) -> Message:
    return notice(language, restored(a_lesson(language)))


def notice_of_many_moves(language: str) -> Message:
    """A series moved by half an hour: twelve weeks at once."""
    lessons = (
        moved(a_lesson(language, session_id=week, starts_at=start + HOUR / 2, ends_at=start + HOUR))
        for week, start in ((week, START + week * 7 * DAY) for week in range(1, 13))
    )
    told = (moved(lesson, lesson.starts_at - HOUR / 2) for lesson in lessons)
    return a_message(*told, language=language, role=Role.TUTOR, kind=Kind.NOTICE)


def notice_of_a_cancelled_series(language: str) -> Message:
    """To a parent; the first of them is next week, the last in another year."""
    starts = [START + week * 7 * DAY for week in range(1, 7)]
    lessons = (
        cancelled(a_lesson(language, session_id=week, starts_at=start, ends_at=start + HOUR))
        for week, start in enumerate(starts, start=1)
    )
    return a_message(*lessons, language=language, role=Role.PARENT, kind=Kind.NOTICE)


def notice_of_a_cancellation_far_ahead(language: str) -> Message:
    """Of a group of seven, to its tutor."""
    start = START + 9 * DAY
    lessons = (
        a_lesson(
            language,
            session_id=number,
            student_name=STUDENT[language] + f" {number}",
            starts_at=start,
            ends_at=start + HOUR,
        )
        for number in range(1, 8)
    )
    return a_message(
        *(cancelled(lesson) for lesson in lessons),
        language=language,
        role=Role.TUTOR,
        kind=Kind.NOTICE,
    )


def notice_of_changes_of_all_kinds(language: str) -> Message:
    first, second, third = (
        a_lesson(
            language,
            session_id=number,
            starts_at=START + number * DAY,
            ends_at=START + number * DAY + HOUR,
        )
        for number in (1, 2, 3)
    )
    changed = (moved(first, START), cancelled(second), restored(third))
    return a_message(*changed, language=language, kind=Kind.NOTICE)


def agenda_of_a_full_day(language: str) -> Message:
    """A gap, a group, and two that overlap."""
    morning = START - 6 * HOUR
    day = (
        a_lesson(language, starts_at=morning, ends_at=morning + HOUR),
        a_lesson(language, starts_at=START, ends_at=START + HOUR),
        a_lesson(language, starts_at=START, ends_at=START + HOUR, student_name="Abel"),
        a_lesson(
            language,
            subject=OTHER_SUBJECT[language],
            starts_at=START + 45 * MINUTE,
            ends_at=START + 2 * HOUR,
            meeting_link=None,
            location=BOLE[language],
        ),
    )
    return a_message(*day, language=language, role=Role.TUTOR, kind=Kind.AGENDA, now=morning - HOUR)


def reminder_to_a_parent_of_two(language: str) -> Message:
    """Brother and sister with one tutor, in person, late in the evening, in two days."""
    place = LIBRARY[language]
    names = (SITE_TEXTS[language]["student_name"], OTHER_STUDENT[language])
    late = START + 9 * HOUR + 30 * MINUTE
    lessons = (
        a_lesson(
            language,
            session_id=number,
            student_name=name,
            mode="in-person",
            location=place,
            starts_at=late,
            ends_at=late + HOUR,
        )
        for number, name in enumerate(names, start=1)
    )
    return a_message(
        *lessons,
        language=language,
        role=Role.PARENT,
        kind=Kind.REMINDER,
        now=late - 2 * DAY,
        lead=2 * DAY,
    )


def agenda_of_one_session(language: str) -> Message:
    """Of tomorrow, to a student; the link is words."""
    lesson = a_lesson(language, meeting_link="Zoom 811 2233, code 4455")
    return a_message(lesson, language=language, kind=Kind.AGENDA, now=START - 20 * HOUR)


def escalation_to_a_parent(language: str) -> Message:
    """Of an alarm that their child has not acknowledged five minutes before the start."""
    return a_message(
        a_lesson(language),
        language=language,
        role=Role.PARENT,
        kind=Kind.ESCALATION,
        now=START - 5 * MINUTE,
        lead=5 * MINUTE,
    )


def question_after_a_lesson(language: str) -> Message:
    """To the tutor, half an hour after the end."""
    return a_message(
        a_lesson(language),
        language=language,
        role=Role.TUTOR,
        kind=Kind.FOLLOW_UP,
        now=START + HOUR + 30 * MINUTE,
        lead=timedelta(0),
    )


def notice_of_an_absence(language: str) -> Message:
    """To a student whose tutor is away on that day."""
    lesson = a_lesson(language)
    change = Change(ChangeKind.CANCELLED, lesson.starts_at, absent=Absent.TUTOR)
    return notice(language, replace(lesson, change=change))


CASES: tuple[Callable[[str], Message], ...] = (
    alarm_to_a_student,
    alarm_now_to_a_parent,
    reminder_to_a_tutor,
    reminder_of_a_group,
    reminder_that_knows_little,
    reminder_to_a_parent_of_two,
    notice_of_a_move,
    notice_of_a_cancellation,
    notice_of_a_cancellation_far_ahead,
    notice_of_a_cancelled_series,
    notice_of_a_restoration,
    notice_of_many_moves,
    notice_of_changes_of_all_kinds,
    agenda_of_a_full_day,
    agenda_of_one_session,
    escalation_to_a_parent,
    question_after_a_lesson,
    notice_of_an_absence,
)


@pytest.mark.parametrize("channel", ChannelName)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_a_message_reads_as_it_was_last_looked_at(
    case: Callable[[str], Message],
    language: str,
    channel: ChannelName,
    words: Words,
    request: pytest.FixtureRequest,
) -> None:
    letter = render(case(language), channel, words)

    for path, content in files_of(letter, GOLDEN / language / f"{case.__name__}.{channel}"):
        if request.config.getoption("--golden") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        assert content.decode() == path.read_bytes().decode(), path


def files_of(letter: Letter, stem: Path) -> Iterator[tuple[Path, bytes]]:
    """The letter as files a person can open."""
    yield named(stem, "txt"), f"{letter.title}\n\n{letter.text}\n".encode()
    if letter.html is not None:
        yield named(stem, "html"), letter.html.encode()
    for number, attachment in enumerate(letter.attachments, start=1):
        yield named(stem, f"{number}.ics"), attachment.content


def named(stem: Path, ending: str) -> Path:
    return stem.with_name(f"{stem.name}.{ending}")


def test_no_golden_file_is_left_over() -> None:
    cases = {case.__name__ for case in CASES}
    assert {path.name.split(".")[0] for path in GOLDEN.rglob("*.*")} == cases
