"""Values of the settings with a fixed choice, and their meaning."""

from enum import StrEnum


class MonthEnd(StrEnum):
    """Treatment of months without a monthly rule's day."""

    CLAMP = "clamp"  # the last day
    SKIP = "skip"  # no session


class OnStop(StrEnum):
    """Treatment of coming, unedited rows when a series is switched off."""

    KEEP = "keep"
    CANCEL = "cancel"


class PackageUnit(StrEnum):
    """The unit of `package_duration`; without one the column is ignored."""

    NONE = ""
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class OnHoliday(StrEnum):
    """Treatment of dates on a public holiday."""

    IGNORE = "ignore"
    SKIP = "skip"  # no row; the holiday's name is the reason
    MARK = "mark"  # a row, and the holiday's name is the occurrence's reason


class MakeUp(StrEnum):
    """Treatment of holidays in a rule with a count: made up for at the rule's end, or not."""

    ON = "on"
    OFF = "off"  # it uses up one of the count


class OnUnknown(StrEnum):
    """Treatment of a message that was handed over and never answered (promise 3)."""

    REPEAT = "repeat"
    HOLD = "hold"


class CalendarMethod(StrEnum):
    """METHOD of a mail's calendar file (RFC 5546, 1.4)."""

    PUBLISH = "publish"  # an event for information
    REQUEST = "request"  # an invitation, with the person as its attendee


class Inbox(StrEnum):
    """Use of the table session_worker.inbox, which the site shows."""

    OFF = "off"
    ON = "on"  # every message lies there too


class IdKind(StrEnum):
    """Table whose ids a column of tutor_sessions holds."""

    JUDGED = ""  # by the rows, at setup and each day
    PROFILE = "profile"
    USER = "user"


class Pooler(StrEnum):
    """Kind of connection pooler between the worker and PostgreSQL."""

    NONE = ""
    TRANSACTION = "transaction"  # server sessions are shared, one transaction at a time


class BrokerQueues(StrEnum):
    """Type of the queues that are created on RabbitMQ."""

    CLASSIC = "classic"  # the virtual host's default
    QUORUM = "quorum"  # kept on several nodes


class Role(StrEnum):
    """Role of a person in a session."""

    TUTOR = "tutor"
    STUDENT = "student"
    PARENT = "parent"


class ChannelName(StrEnum):
    """Name of a channel, as in CHANNEL_X and in the ledger."""

    EMAIL = "email"
    SMS = "sms"
    TELEGRAM = "telegram"
    PUSH = "push"
    WEBHOOK = "webhook"


class LogFormat(StrEnum):
    """Format of the log of workers and beat."""

    TEXT = "text"
    JSON = "json"  # one object a line


class OutboxMode(StrEnum):
    """Destination of messages (OUTBOX)."""

    LIVE = "live"
    LOG = "log"  # nothing leaves; messages are recorded as sent on channel `log`
    REDIRECT = "redirect"  # every message goes to one address

    @property
    def noted(self) -> str | None:
        """The value in the ledger; None where messages go to their people."""
        return None if self is OutboxMode.LIVE else self.value
