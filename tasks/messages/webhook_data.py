"""Data of a message as JSON values, for the program behind a webhook.

Delivery ids are included: `session_worker.acknowledge(delivery)` needs them.
"""

from collections.abc import Mapping
from datetime import datetime

from scheduler.message import Absent, Change, Lesson, Message

VERSION = 1


def facts_of(message: Message) -> Mapping[str, object]:
    """The data of a message with clean texts. Instants are ISO 8601 in the person's zone; unknown
    values are null."""
    recipient = message.recipient
    return {
        "version": VERSION,
        "kind": message.kind.value,
        "key": str(message.key),
        "role": recipient.role.value,
        "person_id": recipient.person_id,
        "language": recipient.preferences.language,
        "mute_url": message.mute_url or None,
        "lead_minutes": int(message.lead.total_seconds() // 60),
        "sessions": [session(lesson, message) for lesson in message.lessons],
    }


def session(lesson: Lesson, message: Message) -> Mapping[str, object]:
    return {
        "session_id": lesson.session_id,
        "delivery_id": lesson.delivery_id,
        "subject": lesson.subject,
        "topic": lesson.topic or None,
        "starts_at": local(lesson.starts_at, message),
        "ends_at": local(lesson.ends_at, message),
        "mode": lesson.mode or None,
        "meeting_link": lesson.meeting_link or None,
        "location": lesson.location or None,
        "tutor": lesson.tutor_name or None,
        "student": lesson.student_name or None,
        "whiteboard": lesson.whiteboard_name or None,
        "role": lesson.role.value,
        "change": lesson.change and change(lesson.change, lesson, message),
    }


def change(told: Change, lesson: Lesson, message: Message) -> Mapping[str, object]:
    return {
        "kind": told.kind.value,
        "old_starts_at": local(told.old_starts_at, message),
        "replaced": sorted(role.value for role in told.replaced),
        "absence": told.absent and absence(told.absent, lesson),
    }


def absence(absent: Absent, lesson: Lesson) -> Mapping[str, object]:
    """Whose absence it is; the reason of everybody's. One person's own is for admins alone."""
    return {"of": absent.value, "reason": lesson.closed_for or None}


def local(instant: datetime, message: Message) -> str:
    return instant.astimezone(message.recipient.preferences.zone).isoformat()
