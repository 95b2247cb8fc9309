"""People's preferences, validated. An unreadable value falls back to the setting.

The site may write session_worker.preference; the doctor lists values that cannot be read.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.languages import language_of
from scheduler.message import Preferences
from scheduler.settings import ChannelName, Settings
from scheduler.zone_data import zone_named

Stored = Mapping[str, Any] | None


def preferences_of(
    general: Stored, special: Stored, settings: Settings
) -> tuple[Preferences, Mapping[ChannelName, str]]:
    """Preferences and addresses of a person for one kind of message.

    `general`: the person's '*' row of session_worker.preference as JSON, or None; `special`: the
    row of the kind, which takes precedence.
    """
    wishes = {**_stated(general), **_stated(special)}
    preferences = Preferences(
        language=_language(wishes.get("language"), settings),
        zone=_zone(wishes.get("zone"), settings),
        channels=_channels(wishes.get("channels")),
    )
    return preferences, _addresses(wishes.get("addresses"))


def with_chat(
    addresses: Mapping[ChannelName, str], chat: int | None
) -> tuple[Mapping[ChannelName, str], frozenset[ChannelName]]:
    """The addresses with the Telegram chat that the person linked, and the channels of which that
    is the address. One that the site wrote counts first."""
    if chat is None or ChannelName.TELEGRAM in addresses:
        return addresses, frozenset()
    return {**addresses, ChannelName.TELEGRAM: str(chat)}, frozenset({ChannelName.TELEGRAM})


def stored(alias: str) -> str:
    """SQL of a session_worker.preference row as JSON; a zone unknown to PostgreSQL is NULL."""
    zone = f"session_worker.known_zone({alias}.zone, NULL)"
    return f"to_jsonb({alias}) || jsonb_build_object('zone', {zone})"


def _stated(stored: Stored) -> dict[str, Any]:
    return {name: value for name, value in (stored or {}).items() if value is not None}


def _language(wish: Any, settings: Settings) -> str:
    """The code of a language of messages; another wish as it is, for the program behind a
    webhook."""
    return language_of(str(wish)) or str(wish) if wish else settings.language


def _zone(name: Any, settings: Settings) -> ZoneInfo:
    try:
        return zone_named(name) if name else settings.zone
    except (KeyError, ValueError, OSError):  # unknown, no name at all, or a folder of zones
        return settings.zone


def _channels(names: Any) -> tuple[ChannelName, ...] | None:
    """The known channels in the person's order; None where there is none."""
    known = {channel.value: channel for channel in ChannelName}
    found = [known[name.strip().lower()] for name in names or () if _is_known(name, known)]
    return tuple(dict.fromkeys(found)) or None


def _is_known(name: Any, known: Mapping[str, ChannelName]) -> bool:
    return isinstance(name, str) and name.strip().lower() in known


def _addresses(stored: Any) -> Mapping[ChannelName, str]:
    if not isinstance(stored, dict):
        return {}
    return {name: str(stored[name]) for name in ChannelName if stored.get(name)}
