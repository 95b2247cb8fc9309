"""Tools of a worker process for delivery, made once at the first batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Engine

from scheduler.settings import ChannelName, Settings
from tasks.channels.channel import Channel
from tasks.channels.configured import channels_of, organizer_of
from tasks.database import worker_engine, worker_settings
from tasks.messages.render import Words, words_of


@dataclass(frozen=True, slots=True)
class Tools:
    """The database, the channels and the templates of one process."""

    engine: Engine
    settings: Settings
    channels: Mapping[ChannelName, Channel]
    words: Words


def tools_of(engine: Engine, settings: Settings) -> Tools:
    """Make the tools. Raises InvalidSetting where a channel or a template cannot be used."""
    words = words_of(settings, organizer_of(settings))
    return Tools(engine, settings, channels_of(settings), words)


@cache
def worker_tools() -> Tools:
    """The tools of this worker and the processes that it forks."""
    return tools_of(worker_engine(), worker_settings())
