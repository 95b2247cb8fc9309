"""What a worker process delivers with: made once, at the first batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import Engine

from scheduler.settings import ChannelName, Settings
from tasks.channels.channel import Channel
from tasks.channels.configured import channels_of
from tasks.messages.render import Words, words_of


@dataclass(frozen=True, slots=True)
class Desk:
    """The database, the channels and the words of one process."""

    engine: Engine
    settings: Settings
    channels: Mapping[ChannelName, Channel]
    words: Words


def desk_of(engine: Engine, settings: Settings) -> Desk:
    """Raises InvalidSetting where a channel or a template cannot be used."""
    return Desk(engine, settings, channels_of(settings), words_of(settings))


_desk: Desk | None = None
_lock = Lock()


def worker_desk(engine: Engine, settings: Settings) -> Desk:
    """The desk of this worker process."""
    global _desk
    with _lock:
        if _desk is None:
            _desk = desk_of(engine, settings)
        return _desk
