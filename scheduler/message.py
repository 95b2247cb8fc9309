"""What one message is about: values that the ledger yields and the templates read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.settings import ChannelName, Role


class Kind(StrEnum):
    ALARM = "alarm"
    REMINDER = "reminder"
    NOTICE = "notice"
    AGENDA = "agenda"


class ChangeKind(StrEnum):
    """What a notice tells."""

    MOVED = "moved"
    CANCELLED = "cancelled"
    RESTORED = "restored"  # on again after a cancellation was told


@dataclass(frozen=True, slots=True)
class Change:
    """A notice's subject: what happened, and the start that was told before (aware)."""

    kind: ChangeKind
    old_starts_at: datetime


@dataclass(frozen=True, slots=True)
class Lesson:
    """One session as a message names it. Instants are aware; texts are the site's, unescaped."""

    session_id: int
    subject: str
    topic: str | None
    starts_at: datetime
    ends_at: datetime
    mode: str | None
    meeting_link: str | None
    location: str | None
    tutor_name: str | None
    student_name: str | None
    whiteboard_name: str | None
    delivery_id: int
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's preferences, validated; None means the setting's default."""

    language: str
    zone: ZoneInfo
    channels: tuple[ChannelName, ...] | None = None
    quiet_from: time | None = None
    quiet_until: time | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message goes to. `person_id` is users.id, None where no user stands behind the role.

    `addresses`: where a channel reaches this person, if neither e-mail nor phone does (a Telegram
    chat, a device's push token).
    """

    person_id: int | None
    role: Role
    name: str | None
    email: str | None
    phone: str | None
    preferences: Preferences
    addresses: Mapping[ChannelName, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person at one moment: one lesson, or several with the same start.

    `key` and `at` stay the same for every try: Message-ID, Date and idempotency key come from
    them (promise 3). `now` is the instant of this try: "begins in 12 minutes" is counted from it.
    """

    kind: Kind
    recipient: Recipient
    lessons: tuple[Lesson, ...]
    lead: timedelta
    key: UUID
    at: datetime
    now: datetime
