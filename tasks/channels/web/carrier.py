"""What lies under a plugin's `requests.post`: our connections, and a note of each exchange.

Apprise has no place to put a session of one's own: its plugins call `requests.post`, which makes
one and throws it away. `requests.Session.send` is where all of these come together, so it is what
is replaced; outside a `Carrier` it does as before (docs/decisions/0030).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest, Response, Session
from urllib3.exceptions import HTTPError

from tasks.channels.web.connection import UNDER_WAY, NotingAdapter
from tasks.channels.web.exchange import Exchange

LONGEST_BODY = 256 * 1024
PIECE = 16 * 1024


class Carrier:
    """Carries the requests of plugins, over connections that are kept until `close`."""

    def __init__(self, connect: timedelta, answer: timedelta) -> None:
        """`connect`: longest wait for a connection. `answer`: for the whole answer."""
        self._adapter = NotingAdapter(pool_connections=4, pool_maxsize=4)
        self._connect = connect
        self._answer = answer

    @contextmanager
    def carrying(self, headers: Mapping[str, str]) -> Iterator[list[Exchange]]:
        """Whatever this thread sends meanwhile through `requests` is carried and noted.

        `headers` are added where the request has none of that name.
        """
        exchanges: list[Exchange] = []
        token = CARRYING.set((self, exchanges, headers))
        try:
            yield exchanges
        finally:
            CARRYING.reset(token)

    def close(self) -> None:
        self._adapter.close()

    def carry(self, request: PreparedRequest, exchange: Exchange, **options: Any) -> Response:
        token = UNDER_WAY.set((exchange, self._answer))
        try:
            times = (self._connect.total_seconds(), self._answer.total_seconds())
            response = self._adapter.send(request, stream=True, timeout=times, **options)
            note_answer(response, exchange)
            read_body(response, exchange)
        finally:
            UNDER_WAY.reset(token)
        return response


Carrying = tuple[Carrier, list[Exchange], Mapping[str, str]]
CARRYING: ContextVar[Carrying | None] = ContextVar("carrying", default=None)

plain_send = Session.send


def send(session: Session, request: PreparedRequest, **options: Any) -> Response:
    """In place of `requests.Session.send`. A redirect is an answer like any other."""
    carrying = CARRYING.get()
    if carrying is None:
        return plain_send(session, request, **options)
    carrier, exchanges, headers = carrying
    for name, value in headers.items():
        request.headers.setdefault(name, value)
    parts = urlsplit(request.url or "")
    exchange = Exchange(request.method or "", str(parts.hostname), str(parts.path))
    exchanges.append(exchange)
    kept = {name: options.get(name) for name in ("verify", "cert", "proxies")}
    return carrier.carry(request, exchange, **kept)


requests.Session.send = send  # type: ignore[method-assign, assignment]


def note_answer(response: Response, exchange: Exchange) -> None:
    exchange.status = response.status_code
    exchange.reason = response.reason or ""
    exchange.headers = response.headers


def read_body(response: Response, exchange: Exchange) -> None:
    """Read what came, also of a body that breaks off: the status has said yes or no already."""
    pieces: list[bytes] = []
    with suppress(HTTPError, OSError, ValueError):
        for piece in response.raw.stream(PIECE, decode_content=True):
            pieces.append(piece)
            if sum(map(len, pieces)) > LONGEST_BODY:
                break
        else:
            exchange.whole = True
    if not exchange.whole:
        response.raw.close()
    exchange.body = b"".join(pieces)[:LONGEST_BODY]
    response._content = exchange.body
    response._content_consumed = True  # type: ignore[attr-defined]
