"""People's preferences, validated: a value that cannot be read falls back to the setting.

The site may write session_worker.preference; the doctor finds what it wrote wrong.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.message import Preferences
from scheduler.settings import ChannelName, Settings

Stored = Mapping[str, Any] | None
DAY = timedelta(days=1)


def preferences_of(
    general: Stored, special: Stored, settings: Settings
) -> tuple[Preferences, Mapping[ChannelName, str]]:
    """Preferences and addresses of the person's '*' row and of that of the kind, which goes first.

    Both as JSON of session_worker.preference, or None.
    """
    stored = {**_stated(general), **_stated(special)}
    preferences = Preferences(
        language=str(stored.get("language") or settings.language),
        zone=_zone(stored.get("zone"), settings),
        channels=_channels(stored.get("channels")),
        quiet_from=_time(stored.get("quiet_from")),
        quiet_until=_time(stored.get("quiet_until")),
    )
    return preferences, _addresses(stored.get("addresses"))


def quiet_until(preferences: Preferences, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` falls in, or None. They may pass midnight."""
    begin, end = preferences.quiet_from, preferences.quiet_until
    if begin is None or end is None or begin == end:
        return None
    wall = now.astimezone(preferences.zone)
    at = wall.time()
    if not (begin <= at < end if begin < end else at >= begin or at < end):
        return None
    day = wall.date() + (DAY if at >= end else timedelta(0))
    return datetime.combine(day, end, preferences.zone)


def _stated(stored: Stored) -> dict[str, Any]:
    return {name: value for name, value in (stored or {}).items() if value is not None}


def _zone(name: Any, settings: Settings) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else settings.zone
    except (KeyError, ValueError, OSError):  # unknown, no name at all, or a folder of zones
        return settings.zone


def _channels(names: Any) -> tuple[ChannelName, ...] | None:
    """In the person's order; None where none of them is known."""
    known = {channel.value: channel for channel in ChannelName}
    found = [known[name.strip().lower()] for name in names or () if _is_known(name, known)]
    return tuple(dict.fromkeys(found)) or None


def _is_known(name: Any, known: Mapping[str, ChannelName]) -> bool:
    return isinstance(name, str) and name.strip().lower() in known


def _time(text: Any) -> time | None:
    try:
        return time.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:  # PostgreSQL knows 24:00
        return None


def _addresses(stored: Any) -> Mapping[ChannelName, str]:
    if not isinstance(stored, dict):
        return {}
    return {name: str(stored[name]) for name in ChannelName if stored.get(name)}
