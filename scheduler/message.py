"""Contents of one message: values that the ledger yields and the templates read."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.settings import ChannelName, Role

SEQUENCE_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# A larger `alarm_before_minutes` is a slip: 15 minutes count (design, "Reminders and alarms").
# The function session_worker.alarm_minutes has the same limit: a test compares them.
LONGEST_ALARM = timedelta(days=7)
# An alarm that is due at the start itself may be this late (design, "Reminders and alarms").
# The function session_worker.too_late_at has the same: a test compares them.
GRACE = timedelta(minutes=1)


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
    REASSIGNED = "reassigned"  # another tutor or student, at the same start


@dataclass(frozen=True, slots=True)
class Change:
    """A notice's subject: what happened, and the start that was told before (aware).

    `replaced`: whose place somebody else has now, of tutor and student, whatever else happened.
    """

    kind: ChangeKind
    old_starts_at: datetime
    replaced: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Lesson:
    """One session as a message names it. Instants are aware; texts are the site's, unescaped.

    `role`: that of the person in this session; one message may be about two in different roles.
    `entry`: the calendar entry that the person has of it, or gets; `after`: the highest SEQUENCE
    that they were sent of it. `goes_on_with`: the students of the same lesson who stay where this
    one's session is cancelled.
    """

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
    role: Role = Role.STUDENT
    entry: str = ""
    after: int = -1
    goes_on_with: tuple[str, ...] = ()

    def sequence(self, at: datetime) -> int:
        """SEQUENCE (RFC 5545, 3.8.7.4) of a message of the instant `at`: seconds since 2020.

        It fits a 32-bit integer until 2088. It grows with each message about the entry, also where
        two are of one second, and a retry has that of its first try.
        """
        return max((at.astimezone(UTC) - SEQUENCE_EPOCH) // SECOND, self.after + 1)


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's preferences, validated; None means the setting's default."""

    language: str
    zone: ZoneInfo
    channels: tuple[ChannelName, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message goes to. `person_id` is users.id, None where no user stands behind the role.

    `email_source`, `phone_source`: where they came from (scheduler.site.contacts).
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
    email_source: str | None = None
    phone_source: str | None = None

    def source_on(self, channel: ChannelName) -> str | None:
        """Where the address came from by which the channel reaches this person; None: it has none,
        or reaches everybody."""
        if channel is ChannelName.EMAIL:
            return self.email_source
        if channel is ChannelName.SMS:
            return self.phone_source
        return "preference" if channel in self.addresses else None


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


def one_message(kind: str, starts_at: datetime, recipient: str, key: UUID | None) -> Hashable:
    """What ledger rows that are one message have in common.

    What a person gets about sessions of one start is one message, whatever their number; all
    notices to a person are (docs/decisions/0028), and an agenda is about many starts anyway. Once
    it was tried, a message has a `key` of its own.
    """
    start = starts_at if kind in (Kind.ALARM, Kind.REMINDER) else None
    return (start, Kind(kind), recipient, key)
