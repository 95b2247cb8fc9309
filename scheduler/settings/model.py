"""The settings: environment names, defaults and meanings (design, "Settings")."""

import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from scheduler.broker_url import readable_broker
from scheduler.settings.choices import (
    BrokerQueues,
    CalendarMethod,
    ChannelName,
    IdKind,
    Inbox,
    LogFormat,
    MakeUp,
    MonthEnd,
    OnHoliday,
    OnStop,
    OnUnknown,
    OutboxMode,
    PackageUnit,
    Pooler,
    Role,
)
from scheduler.settings.field_types import (
    ChannelSettings,
    Duration,
    Escalation,
    EscalationField,
    Leads,
    OptionalRate,
    Outbox,
    OutboxField,
    Rate,
    Roles,
)
from scheduler.zone_data import zone_named

WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
# Printable ASCII without what ends a URL in a header, in HTML or in running text.
MUTE_URL = re.compile(r"https://[A-Za-z0-9][^\s\x00-\x20\x7f-\U0010ffff<>\"'\\^`|]{2,300}")
# Names that PostgreSQL does not know, or reads as an abbreviation, which is wrong in summer.
NO_ZONES = {"CET", "EET", "MET", "WET", "localtime"}
# Limit of the ledger's column; a lead of more than a year makes no sense.
LONGEST_LEAD = timedelta(days=366)
LONGEST_ALARM = timedelta(days=7)
HOME_REGION = "ET"


class Settings(BaseModel):
    """The worker's settings. The environment name is the field's name in capitals."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    database_url: str = Field(
        "", description="The site's PostgreSQL, postgresql://user:password@host/name."
    )
    database_pooler: Pooler = Field(
        Pooler.NONE,
        description="transaction: PostgreSQL is behind PgBouncer or another pooler in that mode.",
    )
    redis_url: str = Field(
        "",
        description="Broker: redis://host:6379/0, rediss:// or redis+socket:///path; amqp(s):// for"
        " RabbitMQ; or sentinel://host:26379;sentinel://other:26379 for Redis behind Sentinel.",
    )
    sentinel_master: str = Field(
        "mymaster",
        min_length=1,
        description="With sentinel://: the sentinels' name of the server.",
    )
    sentinel_password: str = Field("", description="Password of the sentinels, if they have one.")
    broker_queues: BrokerQueues = Field(
        BrokerQueues.CLASSIC,
        description="Type of new queues on RabbitMQ: classic (the host's default) or quorum.",
    )
    site_timezone: str = Field(
        "Africa/Addis_Ababa", description="Zone of the wall times in tutor_sessions."
    )
    tutor_ids: IdKind = Field(
        IdKind.JUDGED,
        description="Ids in tutor_id: profile or user; empty: decided by the rows.",
    )
    student_ids: IdKind = Field(
        IdKind.JUDGED,
        description="Ids in student_id: profile or user; empty: decided by the rows.",
    )
    expand_days: int = Field(
        84, ge=1, le=3660, description="Days ahead that rules are kept filled."
    )
    month_end: MonthEnd = Field(
        MonthEnd.CLAMP,
        description="Monthly rules in months without their day: clamp (its last day) or skip.",
    )
    on_stop: OnStop = Field(
        OnStop.KEEP, description="Coming unedited rows of a series switched off: keep or cancel."
    )
    package_duration_unit: PackageUnit = Field(
        PackageUnit.NONE,
        description="Unit of package_duration: days, weeks or months; empty: it is ignored.",
    )
    default_duration_minutes: int = Field(
        60, ge=1, le=1440, description="Length of a session without end_time and duration."
    )
    holidays: OnHoliday = Field(
        OnHoliday.IGNORE,
        description="On public holidays: ignore, skip (no row) or mark (a row, with the name).",
    )
    holidays_country: str = Field("ET", description="Country of the holidays (ISO 3166 code).")
    make_up: MakeUp = Field(
        MakeUp.ON,
        description="A rule with a count makes up for skipped holidays at its end: on or off.",
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
        description="Time by which messages are planned before they are due.",
    )
    lease_seconds: int = Field(60, ge=1, le=3600, description="Length of a worker's claim.")
    claim_batch: int = Field(
        100, ge=1, le=10_000, description="Messages in one batch for a worker."
    )
    max_attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Tries of a message on one channel. Refusals of the person or the message"
        " count; trouble of the provider and greylisting do not.",
    )
    send_timeout: Duration = Field(
        timedelta(seconds=15),
        ge=timedelta(seconds=1),
        le=timedelta(hours=1),
        description="Longest wait for a provider's answer.",
    )
    mails_per_connection: int = Field(
        10, ge=1, le=10_000, description="Mails sent on one connection to a mail server."
    )
    language: str = Field(
        "en", description="Language of people without a preference: en, am, om or ti."
    )
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
    escalate: EscalationField = Field(
        None,
        description="An alarm that nobody acknowledged goes to another role, e.g. 5m:parent.",
    )
    follow_up: Duration = Field(
        timedelta(0),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="Ask the tutor about a session still scheduled so long after its end; 0: no.",
    )
    phone_region: str = Field(
        HOME_REGION, description="Region of phone numbers without a country code."
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT, description="Log of workers and beat: text, or json (one object a line)."
    )
    keep_days: int = Field(
        400, ge=31, le=36_500, description="How long the ledger keeps deliveries that are over."
    )
    web_token: str = Field(
        "",
        description="Secret for the page of `web`; needed where it listens on more than 127.0.0.1.",
    )
    outbox: OutboxField = Field(
        Outbox(mode=OutboxMode.LIVE), description="live, log (nothing leaves) or redirect:ADDRESS."
    )
    inbox: Inbox = Field(
        Inbox.OFF, description="on: messages lie in session_worker.inbox too, for the site to show."
    )
    admin: str = Field(
        "",
        description="Apprise URL of the admin, for new errors of doctor and the weekly digest.",
    )
    heartbeat_url: str = Field(
        "",
        description="URL that is called each minute while beat, planners and workers all live.",
    )
    person_rate: OptionalRate = Field(
        Rate(count=20, per=timedelta(hours=1)),
        description="Messages to one person, but for alarms; what is over waits. Empty: no limit.",
    )
    sms_budget: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="SMS a month, in parts; what is over takes another channel. 0: no limit.",
    )
    mute_url: str = Field(
        "",
        description="Link in each message to stop them, e.g. https://site.example/stop/{key}.",
    )
    flood_limit: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Notices and overdue reminders that a tick may send; 0: set by history.",
    )

    channel_email: str = Field(
        "",
        description="Apprise URL, e.g. mailtos://user:secret@mail.example?from=lessons@site.example&to={email}",
    )
    channel_email_rate: OptionalRate = Field(None, description="Limit of e-mails, e.g. 10/s.")
    channel_email_unknown: OnUnknown = Field(
        OnUnknown.REPEAT, description="E-mails never answered."
    )
    channel_email_accepted: str = Field("", description="Acceptance in an e-mail gateway's answer.")
    channel_email_id: str = Field("", description="Place of the provider's id in that answer.")
    channel_sms: str = Field("", description="Apprise URL with {phone}.")
    channel_sms_rate: OptionalRate = Field(None, description="SMS at most.")
    channel_sms_unknown: OnUnknown = Field(OnUnknown.HOLD, description="SMS never answered.")
    channel_sms_accepted: str = Field(
        "", description="Acceptance in an SMS gateway's answer, e.g. acknowledge=success."
    )
    channel_sms_id: str = Field(
        "", description="Place of the provider's id in that answer, e.g. response.message_id."
    )
    channel_telegram: str = Field("", description="Apprise URL, e.g. with {telegram}.")
    channel_telegram_rate: OptionalRate = Field(None, description="Limit of Telegram messages.")
    channel_telegram_unknown: OnUnknown = Field(
        OnUnknown.HOLD, description="Telegram messages never answered."
    )
    channel_telegram_accepted: str = Field(
        "", description="Acceptance in a Telegram gateway's answer."
    )
    channel_telegram_id: str = Field("", description="Place of the provider's id in that answer.")
    channel_push: str = Field("", description="Apprise URL of a push service.")
    channel_push_rate: OptionalRate = Field(None, description="Pushes at most.")
    channel_push_unknown: OnUnknown = Field(OnUnknown.HOLD, description="Pushes never answered.")
    channel_push_accepted: str = Field("", description="Acceptance in a push gateway's answer.")
    channel_push_id: str = Field("", description="Place of the provider's id in that answer.")
    channel_webhook: str = Field("", description="Apprise URL, e.g. jsons://host/path.")
    channel_webhook_rate: OptionalRate = Field(None, description="Limit of webhook calls.")
    channel_webhook_unknown: OnUnknown = Field(
        OnUnknown.REPEAT, description="Webhook calls never answered."
    )
    channel_webhook_accepted: str = Field("", description="Acceptance in the webhook's answer.")
    channel_webhook_id: str = Field("", description="Place of the provider's id in that answer.")

    @field_validator("redis_url")
    @classmethod
    def known_broker(cls, url: str) -> str:
        return readable_broker(url)

    @field_validator("heartbeat_url")
    @classmethod
    def web_address(cls, url: str) -> str:
        if url and not WEB_ADDRESS.fullmatch(url):
            raise ValueError("this is no web address: write https://host/path, or nothing")
        return url

    @field_validator("site_timezone")
    @classmethod
    def known_zone(cls, name: str) -> str:
        zones = available_timezones() - NO_ZONES
        if name in zones:
            return name
        places = [zone for zone in zones if "/" in zone]
        if near := get_close_matches(name, places, n=1, cutoff=0.8):
            raise ValueError(f"{name!r} is no zone: did you mean {near[0]}?")
        raise ValueError(f"{name!r} is no zone: set an IANA name such as Africa/Addis_Ababa")

    @field_validator("reminder_leads")
    @classmethod
    def before_the_start(cls, leads: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        """Refuse leads of 0: at the start a reminder would be too late (promise 5)."""
        minutes = [-(-lead // timedelta(minutes=1)) for lead in leads]
        if len(set(minutes)) < len(leads):
            raise ValueError("two leads are the same in whole minutes: leave one of them out")
        if all(timedelta(0) < lead <= LONGEST_LEAD for lead in leads):
            return leads
        raise ValueError("a lead is more than 0 and at most 366d: write 24h,1h, or nothing")

    @field_validator("escalate")
    @classmethod
    def in_time(cls, escalate: Escalation | None) -> Escalation | None:
        """Refuse a time of 0: at the start it is too late to fetch anybody."""
        if escalate is None or timedelta(minutes=1) <= escalate.before < LONGEST_ALARM:
            return escalate
        raise ValueError("the time is at least 1m and less than 7d: write 5m:parent, or nothing")

    @field_validator("holidays_country")
    @classmethod
    def known_country(cls, country: str, info: ValidationInfo) -> str:
        """Checked only if HOLIDAYS is set, as the import takes a second (cold) or 0.15 s (warm)."""
        if info.data.get("holidays", OnHoliday.IGNORE) is OnHoliday.IGNORE:
            return country
        from scheduler.holidays import country_code

        return country_code(country)

    @field_validator("phone_region")
    @classmethod
    def known_region(cls, region: str) -> str:
        """'et' → 'ET'. The default is not checked, as importing the regions takes 0.3 s."""
        if (code := region.strip().upper()) == HOME_REGION:
            return code
        from phonenumbers import SUPPORTED_REGIONS

        if code not in SUPPORTED_REGIONS:
            raise ValueError(f"{region!r} is no region of phone numbers: set a code such as ET")
        return code

    @field_validator("mute_url")
    @classmethod
    def https_with_a_key(cls, url: str) -> str:
        """Refuse what mail programs would not call (RFC 8058, 3.1) or headers cannot hold."""
        if not url.strip() or (MUTE_URL.fullmatch(url.strip()) and url.count("{key}") == 1):
            return url.strip()
        raise ValueError(
            f"{url!r} is no https URL with {{key}}: write https://site.example/stop/{{key}}"
        )

    @field_validator("agenda_at")
    @classmethod
    def time_of_day(cls, text: str) -> str:
        """'7:00' → '07:00'"""
        found = TIME_OF_DAY.fullmatch(text.strip())
        if text.strip() and found is None:
            raise ValueError(f"{text!r} is no time of day: write 07:00, or nothing for no agenda")
        return f"{int(found[1]):02}:{found[2]}" if found else ""

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.site_timezone)

    @cached_property
    def channels(self) -> Mapping[ChannelName, ChannelSettings]:
        """The channels that have a URL, in the order in which they are tried."""
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
