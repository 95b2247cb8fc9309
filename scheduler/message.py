"""Values of one message: read from the ledger, shown by the templates."""

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
    """Kind of a message (docs/glossary.md)."""

    ALARM = "alarm"
    REMINDER = "reminder"
    NOTICE = "notice"
    AGENDA = "agenda"
    ESCALATION = "escalation"  # an alarm that nobody acknowledged, to another role
    FOLLOW_UP = "follow_up"  # the question after a lesson


class ChangeKind(StrEnum):
    """Kind of the change that a notice tells."""

    MOVED = "moved"
    CANCELLED = "cancelled"
    RESTORED = "restored"  # on again after a cancellation was told
    REASSIGNED = "reassigned"  # another tutor or student, at the same start


class Absent(StrEnum):
    """Whose absence a session is cancelled for."""

    TUTOR = "tutor"
    STUDENT = "student"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Change:
    """Subject of a notice: the kind of change, and the start of the last message (aware).

    `replaced`: the roles, tutor or student, that another person has now, in any kind of change.
    `absent`: whose absence cancelled it; None for another cause.
    """

    kind: ChangeKind
    old_starts_at: datetime
    replaced: frozenset[Role] = frozenset()
    absent: Absent | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One session as a message shows it. Instants are aware; texts are the site's, unescaped.

    `role`: the person's role in this session; a message may have sessions in different roles.
    `entry`: id of the person's calendar entry; `after`: the highest SEQUENCE sent for it.
    `goes_on_with`: remaining students of a group lesson, where this one's session is cancelled.
    `closed_for`: reason of an absence of everybody, where it is cancelled for one.
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
    closed_for: str = ""

    def sequence(self, at: datetime) -> int:
        """SEQUENCE (RFC 5545, 3.8.7.4) of a message sent at `at`: seconds since 2020.

        It fits a 32-bit integer until 2088. It grows with each message about the entry, even within
        one second; a retry has that of its first try.
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
    """Recipient of a message. `person_id` is users.id, None for a person without a user.

    `email_source`, `phone_source`: their origins (scheduler.site.contacts). `addresses`: addresses
    on other channels, such as a Telegram chat or a device's push token; `linked`: the channels
    whose address the person linked themselves.
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
    linked: frozenset[ChannelName] = frozenset()

    def source_on(self, channel: ChannelName) -> str | None:
        """Origin of the person's address on the channel; None where there is no address, or the
        channel needs none."""
        if channel is ChannelName.EMAIL:
            return self.email_source
        if channel is ChannelName.SMS:
            return self.phone_source
        if channel in self.linked:
            return channel.value
        return "preference" if channel in self.addresses else None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person at one moment: one lesson, or several with the same start.

    `key` and `at` are the same for every try: Message-ID, Date and idempotency key are made from
    them (promise 3). `now` is the instant of this try, from which "begins in 12 minutes" counts.
    `mute_url`: the person's link to stop all messages, '' for none.
    """

    kind: Kind
    recipient: Recipient
    lessons: tuple[Lesson, ...]
    lead: timedelta
    key: UUID
    at: datetime
    now: datetime
    mute_url: str = ""


def one_message(kind: str, starts_at: datetime, recipient: str, key: UUID | None) -> Hashable:
    """Grouping key: ledger rows with the same one are sent as one message.

    Rows for one person about sessions with one start are one message; so are all notices for one
    person (docs/decisions/0028), and each agenda. After a first try `key` decides.
    """
    start = None if kind in (Kind.NOTICE, Kind.AGENDA) else starts_at
    return (start, Kind(kind), recipient, key)
