"""Cleaning of a message's texts, done once for its text, its webhook data and its calendar
files."""

from dataclasses import replace

from scheduler.message import Lesson, Message
from tasks.messages.clean_text import (
    PLACE_LENGTH,
    SUBJECT_LENGTH,
    TOPIC_LENGTH,
    clean,
    clean_link,
    clean_name,
)


def clean_message(message: Message) -> Message:
    """The message with all of the site's texts cleaned."""
    recipient = message.recipient
    return replace(
        message,
        recipient=replace(recipient, name=clean_name(recipient.name)),
        lessons=tuple(clean_lesson(lesson) for lesson in message.lessons),
    )


def named(message: Message, unnamed: str) -> Message:
    """The message with the subject `unnamed` in lessons that have none."""
    lessons = (replace(one, subject=one.subject or unnamed) for one in message.lessons)
    return replace(message, lessons=tuple(lessons))


def clean_lesson(lesson: Lesson) -> Lesson:
    """The lesson with each text as one visible line, '' for None."""
    return replace(
        lesson,
        subject=clean(lesson.subject, SUBJECT_LENGTH),
        topic=clean(lesson.topic, TOPIC_LENGTH),
        mode=clean(lesson.mode, SUBJECT_LENGTH),
        meeting_link=clean_link(lesson.meeting_link),
        location=clean(lesson.location, PLACE_LENGTH),
        tutor_name=clean_name(lesson.tutor_name),
        student_name=clean_name(lesson.student_name),
        whiteboard_name=clean(lesson.whiteboard_name, SUBJECT_LENGTH),
        goes_on_with=tuple(clean_name(name) for name in lesson.goes_on_with),
        closed_for=clean(lesson.closed_for, TOPIC_LENGTH),
    )
