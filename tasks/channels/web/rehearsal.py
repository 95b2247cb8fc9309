"""Dry run of a plugin: the requests that it would make for one message."""

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
    """Carrier that keeps each request and raises a connection error in place of sending it."""

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
    """The first requests of the plugin for a message; none is sent."""
    withheld = Withheld()
    # A plugin may raise anything where its service does not answer; only the requests count here.
    with listening(), withheld.carrying({}, "rehearsal"), suppress(Exception):
        plugin.notify(body="rehearsal")
    return withheld.requests
