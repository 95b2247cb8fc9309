"""Types of the settings' fields: durations, rates, lists and the outbox, read from text."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from scheduler.settings.choices import ChannelName, OnUnknown, OutboxMode, Role

# No more digits than a timedelta's days have.
DURATION = re.compile(r"(?P<count>\d{1,9})\s*(?P<unit>[smhd]?)")
RATE = re.compile(r"(?P<count>\d{1,6})\s*/\s*(?P<unit>[smhd])")
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


class Rate(BaseModel):
    """At most `count` messages in `per`, across all workers."""

    model_config = ConfigDict(frozen=True)
    count: int = Field(gt=0)
    per: timedelta

    def __str__(self) -> str:
        """The text of the setting: '20/h'."""
        return f"{self.count}/{next(unit for unit, per in UNITS.items() if per == self.per)}"


class ChannelSettings(BaseModel):
    """One channel: its Apprise URL template, rate limit and policy for lost answers.

    `accepted`: what an acceptance in its gateway's answer looks like; `id`: place of the provider's
    id in it (docs/channels.md).
    """

    model_config = ConfigDict(frozen=True)
    name: ChannelName
    url: str
    rate: Rate | None
    unknown: OnUnknown
    accepted: str = ""
    id: str = ""


class Escalation(BaseModel):
    """Passing on of an alarm that nobody acknowledged by `before` the start, to the people in
    `role`."""

    model_config = ConfigDict(frozen=True)
    before: timedelta
    role: Role

    @property
    def minutes(self) -> int:
        """Whole minutes, rounded up, as in the ledger's key."""
        return -(-self.before // timedelta(minutes=1))

    def __str__(self) -> str:
        """The text of the setting."""
        return f"{self.before // timedelta(seconds=1)}s:{self.role}"


class Outbox(BaseModel):
    """Destination of messages. `address`: that of redirect, else ''."""

    model_config = ConfigDict(frozen=True)
    mode: OutboxMode
    address: str = ""

    def __str__(self) -> str:
        """The text of the setting."""
        return f"{self.mode}:{self.address}" if self.address else self.mode.value


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


def parse_outbox(text: Any) -> Any:
    """'live', 'log', 'redirect:ADDRESS' → Outbox"""
    if not isinstance(text, str):
        return text
    if text in (OutboxMode.LIVE, OutboxMode.LOG):
        return Outbox(mode=OutboxMode(text))
    mode, _, address = text.partition(":")
    if mode != OutboxMode.REDIRECT or not address or re.search(r"\s", address):
        raise ValueError(f"{text!r} is no outbox: write live, log or redirect:ADDRESS")
    return Outbox(mode=OutboxMode.REDIRECT, address=address)


def parse_escalation(text: Any) -> Any:
    """'5m:parent' → Escalation; '' → None."""
    if not isinstance(text, str):
        return text
    if not text.strip():
        return None
    before, _, role = (part.strip() for part in text.partition(":"))
    if role not in list(Role) or DURATION.fullmatch(before.lower()) is None:
        raise ValueError(f"{text!r} is no escalation: write 5m:parent, or another time and role")
    return Escalation(before=parse_duration(before), role=Role(role))


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Leads = Annotated[tuple[timedelta, ...], BeforeValidator(parse_leads)]
Roles = Annotated[tuple[Role, ...], BeforeValidator(parse_list)]
OptionalRate = Annotated[Rate | None, BeforeValidator(parse_rate)]
EscalationField = Annotated[Escalation | None, BeforeValidator(parse_escalation)]
OutboxField = Annotated[Outbox, BeforeValidator(parse_outbox), PlainSerializer(str)]
