"""Messages with valid defaults: a test names only what it is about.

The clock stands at 13:48 of Friday 27 November 2026 in Addis Ababa (ኅዳር 18, 2019), twelve minutes
before a session of mathematics.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.message import Change, ChangeKind, Kind, Lesson, Message, Preferences, Recipient
from scheduler.settings import Role, load_settings
from tasks.messages.render import Words, words_of
from tasks.messages.template_set import template_set_of

ADDIS = ZoneInfo("Africa/Addis_Ababa")
NOW = datetime(2026, 11, 27, 10, 48, tzinfo=UTC)
START = datetime(2026, 11, 27, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
KEY = UUID("5b0d4a52-8f6e-4f0e-9d7a-0c9d8b1f2a34")
LINK = "https://meet.example.com/abc-defg-hij"

# In each language, so that the golden files show both scripts.
SITE_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "subject": "Mathematics",
        "topic": "Quadratic equations",
        "tutor_name": "Hana Alemu",
        "student_name": "Sara Bekele",
        "whiteboard_name": "Algebra board",
    },
    "am": {
        "subject": "ሒሳብ",
        "topic": "ካሬ እኩልታዎች",
        "tutor_name": "ሐና ዓለሙ",
        "student_name": "ሣራ በቀለ",
        "whiteboard_name": "የአልጀብራ ሰሌዳ",
    },
    "om": {
        "subject": "Herrega",
        "topic": "Walqixxaattoo iskuweerii",
        "tutor_name": "Hanaa Alamuu",
        "student_name": "Saaraa Baqqalaa",
        "whiteboard_name": "Gabatee aljebraa",
    },
    "ti": {
        "subject": "ሕሳብ",
        "topic": "ናይ ካሬ ማዕርነታት",
        "tutor_name": "ሃና ዓለሙ",
        "student_name": "ሳራ በቀለ",
        "whiteboard_name": "ናይ ኣልጀብራ ሰሌዳ",
    },
}
OTHER_SUBJECT = {"en": "Physics", "am": "ፊዚክስ", "om": "Fiiziksii", "ti": "ፊዚክስ"}
THIRD_SUBJECT = {"en": "Biology", "am": "ሥነ ሕይወት", "om": "Baayooloojii", "ti": "ባዮሎጂ"}
OTHER_STUDENT = {
    "en": "Dawit Bekele",
    "am": "ዳዊት በቀለ",
    "om": "Daawit Baqqalaa",
    "ti": "ዳዊት በቀለ",
}
OTHER_TUTOR = {"en": "Yonas Tesfaye", "am": "ዮናስ ተስፋዬ", "om": "Yoonaas Tasfaayee", "ti": "ዮናስ ተስፋይ"}
STUDENT = {"en": "Student", "am": "ተማሪ", "om": "Barataa", "ti": "ተምሃራይ"}
BOLE = {"en": "Bole", "am": "ቦሌ", "om": "Boolee", "ti": "ቦሌ"}
LIBRARY = {
    "en": "Bole, near the library",
    "am": "ቦሌ፣ ከቤተ መጻሕፍቱ አጠገብ",
    "om": "Boolee, mana kitaabaa bira",
    "ti": "ቦሌ፣ ኣብ ጥቓ ቤተ መጻሕፍቲ",
}


def a_lesson(language: str = "en", **values: Any) -> Lesson:
    """Mathematics online, 14:00 to 15:00 in Addis Ababa, with all that a session can have."""
    lesson = Lesson(
        session_id=17,
        subject="",
        topic=None,
        starts_at=START,
        ends_at=START + HOUR,
        mode="online",
        meeting_link=LINK,
        location=None,
        tutor_name=None,
        student_name=None,
        whiteboard_name=None,
        delivery_id=170,
        entry=f"{values.get('session_id', 17)}",
    )
    return replace(lesson, **{**SITE_TEXTS[language], **values})


def a_bare_lesson(**values: Any) -> Lesson:
    """A session with a subject and a time alone."""
    empty = ("topic", "tutor_name", "student_name", "whiteboard_name", "meeting_link", "mode")
    return a_lesson(**{**dict.fromkeys(empty), **values})


def a_recipient(**values: Any) -> Recipient:
    preferences = Preferences(language=values.pop("language", "en"), zone=values.pop("zone", ADDIS))
    defaults = {
        "person_id": 7,
        "role": Role.STUDENT,
        "name": "Abebe Kebede",
        "email": "abebe@tutoring.example",
        "phone": "+251911234567",
    }
    return Recipient(preferences=preferences, **{**defaults, **values})


def a_message(*lessons: Lesson, **values: Any) -> Message:
    """An alarm of 15 minutes, to a student, in English; `role`, `language`, `zone` and `name` are
    the recipient's."""
    of_the_recipient = {
        name: values.pop(name) for name in ("role", "language", "zone", "name") if name in values
    }
    recipient = a_recipient(**of_the_recipient)
    message = Message(
        kind=Kind.ALARM,
        recipient=recipient,
        lessons=tuple(replace(lesson, role=recipient.role) for lesson in lessons or (a_lesson(),)),
        lead=15 * MINUTE,
        key=KEY,
        at=values.get("now", NOW),
        now=NOW,
    )
    return replace(message, **values)


def moved(lesson: Lesson, old_starts_at: datetime = START - HOUR) -> Lesson:
    return replace(lesson, change=Change(ChangeKind.MOVED, old_starts_at))


def cancelled(lesson: Lesson) -> Lesson:
    return replace(lesson, change=Change(ChangeKind.CANCELLED, lesson.starts_at))


def restored(lesson: Lesson) -> Lesson:
    return replace(lesson, change=Change(ChangeKind.RESTORED, lesson.starts_at))


def replacing(folder: Path) -> Words:
    """Words with the templates of a folder, without the rehearsal that a worker begins with."""
    return replace(words(), template_set=template_set_of(str(folder)))


def words(**settings: Any) -> Words:
    return words_of(load_settings(_env_file=None, **settings), "desk@school.example")
