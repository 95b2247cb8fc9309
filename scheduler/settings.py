"""Every setting once: its environment name, default and meaning (design, "Settings").

Read from the environment or `.env`. `load_settings` raises `InvalidSetting` with one line that
says what to write instead; the commands turn it into exit code 2.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from scheduler.broker_url import readable_broker
from scheduler.env_file import UnreadableEnvironment, read_env_file, read_environment
from scheduler.zone_data import zone_named


class InvalidSetting(Exception):
    """A setting that cannot be read. The message is one line for the user."""


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


class Rate(BaseModel):
    """At most `count` messages in `per`, across all workers."""

    model_config = ConfigDict(frozen=True)
    count: int = Field(gt=0)
    per: timedelta


class ChannelSettings(BaseModel):
    """One channel: its Apprise URL template, rate limit and policy for lost answers.

    `accepted`: how its gateway's answer says yes; `id`: where the provider's id stands in it.
    """

    model_config = ConfigDict(frozen=True)
    name: ChannelName
    url: str
    rate: Rate | None
    unknown: OnUnknown
    accepted: str = ""
    id: str = ""


# No more digits than a timedelta's days have.
DURATION = re.compile(r"(?P<count>\d{1,9})\s*(?P<unit>[smhd]?)")
TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
RATE = re.compile(r"(?P<count>\d{1,6})\s*/\s*(?P<unit>[smhd])")
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
# Names that PostgreSQL does not know, or reads as an abbreviation: an hour off in summer.
NO_ZONES = {"CET", "EET", "MET", "WET", "localtime"}
# A row of the ledger keeps its lead, and nobody plans further ahead than a school year.
LONGEST_LEAD = timedelta(days=366)
HOME_REGION = "ET"


def parse_duration(text: Any) -> Any:
    """'24h', '90 m', '60' (seconds) → timedelta; anything else is left for pydantic to refuse."""
    if isinstance(text, (int, float)):
        return timedelta(seconds=text)
    if not isinstance(text, str):
        return text
    match = DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no duration: write 90s, 15m, 24h or 2d")
    return int(match["count"]) * UNITS[match["unit"] or "s"]


def parse_rate(text: Any) -> Any:
    """'1/s', '60/m' → Rate; '' → None."""
    if not isinstance(text, str):
        return text
    if not text.strip():
        return None
    match = RATE.fullmatch(text.strip().lower())
    if match is None or int(match["count"]) == 0:
        raise ValueError(f"{text!r} is no rate: write 1/s, 60/m or 500/h")
    return Rate(count=int(match["count"]), per=UNITS[match["unit"]])


def parse_list(text: Any) -> Any:
    """'24h, 1h' → ['24h', '1h']"""
    return (
        [part.strip() for part in text.split(",") if part.strip()]
        if isinstance(text, str)
        else text
    )


def parse_leads(text: Any) -> Any:
    parts = parse_list(text)
    return tuple(parse_duration(part) for part in parts) if isinstance(parts, list) else parts


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Leads = Annotated[tuple[timedelta, ...], BeforeValidator(parse_leads)]
Roles = Annotated[tuple[Role, ...], BeforeValidator(parse_list)]
OptionalRate = Annotated[Rate | None, BeforeValidator(parse_rate)]


class Settings(BaseModel):
    """The worker's settings. The environment name is the field's name in capitals."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    database_url: str = Field(
        "", description="The site's PostgreSQL, postgresql://user:password@host/name."
    )
    database_pooler: Pooler = Field(
        Pooler.NONE,
        description="transaction: PgBouncer or another pooler in that mode stands before it.",
    )
    redis_url: str = Field(
        "",
        description="Broker: redis://host:6379/0, rediss:// or redis+socket:///path; amqp(s):// for"
        " RabbitMQ; or sentinel://host:26379;sentinel://other:26379 for Redis behind Sentinel.",
    )
    sentinel_master: str = Field(
        "mymaster",
        min_length=1,
        description="With sentinel://: what the sentinels call the server.",
    )
    sentinel_password: str = Field("", description="The sentinels' own, where they have one.")
    broker_queues: BrokerQueues = Field(
        BrokerQueues.CLASSIC,
        description="How RabbitMQ makes queues: classic (the host's default) or quorum.",
    )
    site_timezone: str = Field(
        "Africa/Addis_Ababa", description="Zone of the wall times in tutor_sessions."
    )
    tutor_ids: IdKind = Field(
        IdKind.JUDGED,
        description="Whose ids tutor_id holds: profile or user; empty: judged by the rows.",
    )
    student_ids: IdKind = Field(
        IdKind.JUDGED,
        description="Whose ids student_id holds: profile or user; empty: judged by the rows.",
    )
    expand_days: int = Field(
        84, ge=1, le=3660, description="Days ahead that rules are kept filled."
    )
    month_end: MonthEnd = Field(
        MonthEnd.CLAMP,
        description="Monthly rules in months without their day: clamp (its last day) or skip.",
    )
    on_stop: OnStop = Field(
        OnStop.KEEP, description="Rows to come of a series switched off, untouched: keep or cancel."
    )
    package_duration_unit: PackageUnit = Field(
        PackageUnit.NONE,
        description="Unit of package_duration: days, weeks or months; empty: it is ignored.",
    )
    default_duration_minutes: int = Field(
        60, ge=1, le=1440, description="Without end_time and duration."
    )
    holidays: OnHoliday = Field(
        OnHoliday.IGNORE,
        description="On public holidays: ignore, skip (no row) or mark (a row, with the name).",
    )
    holidays_country: str = Field("ET", description="Whose public holidays (ISO 3166 code).")
    make_up: MakeUp = Field(
        MakeUp.ON,
        description="Makes up a holiday left out of a rule with a count, at its end: on or off.",
    )

    reminder_leads: Leads = Field(
        (timedelta(hours=24), timedelta(hours=1)), description="Before the start."
    )
    reminder_recipients: Roles = Field((Role.TUTOR,), description="Who is reminded.")
    alarm_recipients: Roles = Field((Role.STUDENT,), description="Who gets alarms.")
    plan_ahead: Duration = Field(
        timedelta(seconds=60),
        ge=timedelta(0),
        le=timedelta(days=1),
        description="How early a due message is planned.",
    )
    lease_seconds: int = Field(60, ge=1, le=3600, description="How long a worker holds a claim.")
    claim_batch: int = Field(
        100, ge=1, le=10_000, description="Messages in one batch for a worker."
    )
    max_attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Tries a channel has with a message. Refusals of the person or the message use"
        " them up; provider trouble and greylisting do not.",
    )
    send_timeout: Duration = Field(
        timedelta(seconds=15),
        ge=timedelta(seconds=1),
        le=timedelta(hours=1),
        description="Longest wait for a provider's answer.",
    )
    mails_per_connection: int = Field(
        10, ge=1, le=10_000, description="Mails on one connection to a mail server, then a new one."
    )
    language: str = Field("en", description="Language of people without a preference: en or am.")
    templates: str = Field("", description="Folder whose templates replace the built-in ones.")
    calendar_method: CalendarMethod = Field(
        CalendarMethod.PUBLISH, description="Calendar files of mails: publish or request."
    )
    agenda_at: str = Field(
        "", description="Local time of the tutors' daily agenda, e.g. 07:00; empty: off."
    )
    alarm_repeat: Duration = Field(
        timedelta(0),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="Repeat an unacknowledged alarm this often; 0: never.",
    )
    phone_region: str = Field(
        HOME_REGION, description="Region of phone numbers without a country code."
    )
    keep_days: int = Field(
        400, ge=31, le=36_500, description="How long the ledger keeps deliveries that are over."
    )
    outbox: str = Field("live", description="live, log (nothing leaves) or redirect:ADDRESS.")
    flood_limit: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Changes and overdue reminders a tick may send; 0: from history.",
    )

    channel_email: str = Field(
        "",
        description="Apprise URL, e.g. mailtos://user:secret@mail.example?from=lessons@site.example&to={email}",
    )
    channel_email_rate: OptionalRate = Field(None, description="E-mails at most, e.g. 10/s.")
    channel_email_unknown: OnUnknown = Field(
        OnUnknown.REPEAT, description="E-mails never answered."
    )
    channel_email_accepted: str = Field("", description="How an e-mail gateway's answer says yes.")
    channel_email_id: str = Field("", description="Where the provider's id stands in that answer.")
    channel_sms: str = Field("", description="Apprise URL with {phone}.")
    channel_sms_rate: OptionalRate = Field(None, description="SMS at most.")
    channel_sms_unknown: OnUnknown = Field(OnUnknown.HOLD, description="SMS never answered.")
    channel_sms_accepted: str = Field(
        "", description="How an SMS gateway's answer says yes, e.g. acknowledge=success."
    )
    channel_sms_id: str = Field(
        "", description="Where the provider's id stands in that answer, e.g. response.message_id."
    )
    channel_telegram: str = Field("", description="Apprise URL, e.g. with {telegram}.")
    channel_telegram_rate: OptionalRate = Field(None, description="Telegram messages at most.")
    channel_telegram_unknown: OnUnknown = Field(
        OnUnknown.HOLD, description="Telegram messages never answered."
    )
    channel_telegram_accepted: str = Field(
        "", description="How a Telegram gateway's answer says yes."
    )
    channel_telegram_id: str = Field(
        "", description="Where the provider's id stands in that answer."
    )
    channel_push: str = Field("", description="Apprise URL of a push service.")
    channel_push_rate: OptionalRate = Field(None, description="Pushes at most.")
    channel_push_unknown: OnUnknown = Field(OnUnknown.HOLD, description="Pushes never answered.")
    channel_push_accepted: str = Field("", description="How a push gateway's answer says yes.")
    channel_push_id: str = Field("", description="Where the provider's id stands in that answer.")
    channel_webhook: str = Field("", description="Apprise URL, e.g. jsons://host/path.")
    channel_webhook_rate: OptionalRate = Field(None, description="Webhook calls at most.")
    channel_webhook_unknown: OnUnknown = Field(
        OnUnknown.REPEAT, description="Webhook calls never answered."
    )
    channel_webhook_accepted: str = Field("", description="How the webhook's answer says yes.")
    channel_webhook_id: str = Field(
        "", description="Where the provider's id stands in that answer."
    )

    @field_validator("redis_url")
    @classmethod
    def known_broker(cls, url: str) -> str:
        return readable_broker(url)

    @field_validator("site_timezone")
    @classmethod
    def known_zone(cls, name: str) -> str:
        if name not in available_timezones() - NO_ZONES:
            raise ValueError(f"{name!r} is no zone: set an IANA name such as Africa/Addis_Ababa")
        return name

    @field_validator("reminder_leads")
    @classmethod
    def before_the_start(cls, leads: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        """At the start itself a reminder would never go: the session has begun (promise 5)."""
        minutes = [-(-lead // timedelta(minutes=1)) for lead in leads]
        if len(set(minutes)) < len(leads):
            raise ValueError("two leads are the same in whole minutes: leave one of them out")
        if all(timedelta(0) < lead <= LONGEST_LEAD for lead in leads):
            return leads
        raise ValueError("a lead is more than 0 and at most 366d: write 24h,1h, or nothing")

    @field_validator("holidays_country")
    @classmethod
    def known_country(cls, country: str, info: ValidationInfo) -> str:
        """Asked where it matters: to import the countries takes a second (cold), 0.15 s (warm)."""
        if info.data.get("holidays", OnHoliday.IGNORE) is OnHoliday.IGNORE:
            return country
        from scheduler.holidays import country_code

        return country_code(country)

    @field_validator("phone_region")
    @classmethod
    def known_region(cls, region: str) -> str:
        """'et' → 'ET'. The default is not looked up: to import the regions takes 0.3 s."""
        if (code := region.strip().upper()) == HOME_REGION:
            return code
        from phonenumbers import SUPPORTED_REGIONS

        if code not in SUPPORTED_REGIONS:
            raise ValueError(f"{region!r} is no region of phone numbers: set a code such as ET")
        return code

    @field_validator("agenda_at")
    @classmethod
    def time_of_day(cls, text: str) -> str:
        """'7:00' → '07:00'"""
        found = TIME_OF_DAY.fullmatch(text.strip())
        if text.strip() and found is None:
            raise ValueError(f"{text!r} is no time of day: write 07:00, or nothing for no agenda")
        return f"{int(found[1]):02}:{found[2]}" if found else ""

    @field_validator("outbox")
    @classmethod
    def known_outbox(cls, text: str) -> str:
        if text in ("live", "log") or re.fullmatch(r"redirect:\S+", text):
            return text
        raise ValueError(f"{text!r} is no outbox: write live, log or redirect:ADDRESS")

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.site_timezone)

    @cached_property
    def channels(self) -> Mapping[ChannelName, ChannelSettings]:
        """The channels that have a URL, in the order they are tried."""
        found = {}
        for name in ChannelName:
            if url := getattr(self, f"channel_{name}"):
                found[name] = ChannelSettings(
                    name=name,
                    url=url,
                    rate=getattr(self, f"channel_{name}_rate"),
                    unknown=getattr(self, f"channel_{name}_unknown"),
                    accepted=getattr(self, f"channel_{name}_accepted"),
                    id=getattr(self, f"channel_{name}_id"),
                )
        return found


ENV_FILE = Path(".env")


def load_settings(_env_file: Path | None = ENV_FILE, **overrides: Any) -> Settings:
    """The settings of this environment, then of the `.env` in this folder.

    Raises InvalidSetting: one line naming the first setting that cannot be read.
    """
    try:
        return Settings(**(texts_by_field(_env_file) | overrides))
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        words = first["msg"].removeprefix("Value error, ")
        raise InvalidSetting(f"{name}: {words}.") from None
    except UnreadableEnvironment as error:
        raise InvalidSetting(str(error)) from None
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidSetting(f".env cannot be read ({error}): save it as UTF-8 text.") from None


def texts_by_field(env_file: Path | None) -> dict[str, Any]:
    """What environment and `.env` say of settings; the environment goes before the file."""
    names = {field.upper() for field in Settings.model_fields}
    environment = read_environment(os.environ, names)
    file = read_env_file(env_file, os.environ, names) if env_file else {}
    return {
        name.lower(): text
        for source in (file, environment)
        for name, text in source.items()
        if name.upper() in names
    }
