"""Settings with a fixed choice: what each value means."""

from enum import StrEnum


class MonthEnd(StrEnum):
    """What a monthly rule does in a month without its day."""

    CLAMP = "clamp"  # the last day
    SKIP = "skip"  # no session


class OnStop(StrEnum):
    """What happens to future untouched rows when a series is switched off."""

    KEEP = "keep"
    CANCEL = "cancel"


class PackageUnit(StrEnum):
    """The unit of `package_duration`; without one the column is ignored."""

    NONE = ""
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class OnHoliday(StrEnum):
    """What a rule does on a public holiday."""

    IGNORE = "ignore"
    SKIP = "skip"  # no row; the holiday's name is the reason
    MARK = "mark"  # a row, and the holiday's name is the occurrence's reason


class MakeUp(StrEnum):
    """Whether a date that the worker leaves out of a counted rule is made up at the rule's end."""

    ON = "on"
    OFF = "off"  # it is one of the count all the same


class OnUnknown(StrEnum):
    """What becomes of a message that was handed over and never answered (promise 3)."""

    REPEAT = "repeat"
    HOLD = "hold"


class CalendarMethod(StrEnum):
    """How a mail's calendar file puts a session into a calendar (RFC 5546)."""

    PUBLISH = "publish"  # to be looked at
    REQUEST = "request"  # as an invitation, with the person as its attendee


class IdKind(StrEnum):
    """Whose ids a column of tutor_sessions holds."""

    JUDGED = ""  # by the rows, at setup and each day
    PROFILE = "profile"
    USER = "user"


class Pooler(StrEnum):
    """What stands between the worker and PostgreSQL."""

    NONE = ""
    TRANSACTION = "transaction"  # a session is shared, from transaction to transaction


class BrokerQueues(StrEnum):
    """How RabbitMQ makes the queues that are not there."""

    CLASSIC = "classic"  # the virtual host's default
    QUORUM = "quorum"  # kept on several nodes


class Role(StrEnum):
    TUTOR = "tutor"
    STUDENT = "student"
    PARENT = "parent"


class ChannelName(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    TELEGRAM = "telegram"
    PUSH = "push"
    WEBHOOK = "webhook"


class OutboxMode(StrEnum):
    """Where messages really go."""

    LIVE = "live"
    LOG = "log"  # nothing leaves; messages end as sent on channel `log`
    REDIRECT = "redirect"  # every channel leads to one address

    @property
    def noted(self) -> str | None:
        """As the ledger notes it: nothing where a message goes to its person."""
        return None if self is OutboxMode.LIVE else self.value
