"""The settings: their definitions, and their reading from the environment (design, "Settings")."""

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
    Outbox,
    Rate,
)
from scheduler.settings.load import (
    ENV_FILE,
    InvalidSetting,
    load_settings,
)
from scheduler.settings.model import (
    NO_ZONES,
    Settings,
)

__all__ = [
    "ENV_FILE",
    "NO_ZONES",
    "BrokerQueues",
    "CalendarMethod",
    "ChannelName",
    "ChannelSettings",
    "IdKind",
    "Inbox",
    "InvalidSetting",
    "LogFormat",
    "MakeUp",
    "MonthEnd",
    "OnHoliday",
    "OnStop",
    "OnUnknown",
    "Outbox",
    "OutboxMode",
    "PackageUnit",
    "Pooler",
    "Rate",
    "Role",
    "Settings",
    "load_settings",
]
