"""One message to nobody: what a plugin would ask of its service, and where it would send it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from apprise.plugins.base import NotifyBase
from requests import ConnectionError as NoConnection
from requests import PreparedRequest, Response

from tasks.channels.plugins import listening
from tasks.channels.web.carrier import Carrier
from tasks.channels.web.exchange import Exchange


class Withheld(Carrier):
    """Keeps each request, and tells the plugin that there is no connection."""

    def __init__(self) -> None:
        super().__init__(timedelta(seconds=1), timedelta(seconds=1))
        self.requests: list[PreparedRequest] = []

    def carry(self, request: PreparedRequest, exchange: Exchange, **_: Any) -> Response:
        self.requests.append(request)
        raise NoConnection("rehearsal")

    def surroundings(self, *_: object) -> Mapping[str, Any]:
        """A rehearsal needs no proxy."""
        return {}


def rehearsed(plugin: NotifyBase) -> Sequence[PreparedRequest]:
    """The requests that the plugin begins a message with; nothing leaves."""
    withheld = Withheld()
    # A plugin may raise anything where its service does not answer; the requests are what counts.
    with listening(), withheld.carrying({}, "rehearsal"), suppress(Exception):
        plugin.notify(body="rehearsal")
    return withheld.requests
