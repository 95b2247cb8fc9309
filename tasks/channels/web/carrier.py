"""Transport under a plugin's `requests.post`: our connections, and a note of each exchange.

A plugin comes here by way of tasks.channels.web.carried_requests.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from requests import PreparedRequest, Request, Response, Session
from urllib3.exceptions import HTTPError

from tasks.channels.web.connection import UNDER_WAY, NotingAdapter
from tasks.channels.web.exchange import Exchange
from tasks.channels.web.services.unicode import with_fields

NOTHING: Mapping[str, Any] = {}
LONGEST_BODY = 256 * 1024
PIECE = 16 * 1024


class Carrier:
    """Sends the requests of plugins over connections that stay open until `close`."""

    def __init__(self, connect: timedelta, answer: timedelta) -> None:
        """`connect` and `answer`: longest wait for a connection and for the whole answer."""
        self._adapter = NotingAdapter(pool_connections=4, pool_maxsize=4)
        self._answer = answer
        self._times = (connect.total_seconds(), answer.total_seconds())
        self._surroundings: dict[Hashable, Mapping[str, Any]] = {}
        self._prepared: dict[Hashable, PreparedRequest] = {}

    @contextmanager
    def carrying(
        self, headers: Mapping[str, str], text: str, fields: Mapping[str, Any] = NOTHING
    ) -> Iterator[list[Exchange]]:
        """Send what this thread asks of `requests` within the block, and note each exchange.

        `headers` are added where the request has none of that name, `fields` to its body. `text` is
        the message's: a request with its words carries the message, others are auxiliary (a token,
        say).
        """
        exchanges: list[Exchange] = []
        token = CARRYING.set((self, exchanges, headers, text, fields))
        try:
            yield exchanges
        finally:
            CARRYING.reset(token)

    def close(self) -> None:
        self._adapter.close()

    def carry(self, request: PreparedRequest, exchange: Exchange, **options: Any) -> Response:
        token = UNDER_WAY.set((exchange, self._answer))
        try:
            response = self._adapter.send(request, stream=True, timeout=self._times, **options)
            note_answer(response, exchange)
            read_body(response, exchange)
        finally:
            UNDER_WAY.reset(token)
        return response

    def surroundings(self, session: Session, url: str, verify: Any, cert: Any) -> Mapping[str, Any]:
        """The environment's proxies and certificates for the URL's host, read once per host."""
        parts = urlsplit(url)
        asked = (parts.scheme, parts.netloc, verify, cert)
        if asked not in self._surroundings:
            found: Any = session.merge_environment_settings(url, {}, None, verify, cert)
            found.pop("stream")
            self._surroundings[asked] = dict(found)
        return self._surroundings[asked]

    def prepared(self, session: "CarriedSession", request: Request) -> PreparedRequest:
        """The request, prepared. Of requests that differ only in their body the first is prepared,
        and its URL, login and headers serve the others."""
        key = all_but_the_body(request)
        if key is None:
            return session.prepare_request(request)
        if (first := self._prepared.get(key)) is None:
            if len(self._prepared) >= MOST_PREPARED:
                self._prepared.clear()
            first = self._prepared[key] = session.prepare_request(request)
        return with_body(first, request.data)


# Requests kept of URLs that hold a person's own values.
MOST_PREPARED = 32


def all_but_the_body(request: Request) -> Hashable | None:
    """The parts of a request beside its body, where that is a text; else None, and where a part may
    depend on the body, such as a signature."""
    login = request.auth is None or isinstance(request.auth, tuple)
    others = request.files or request.json or request.cookies or any(request.hooks.values())
    if not (isinstance(request.data, str) and request.data and login) or others:
        return None
    parts = (request.headers or {}, request.params or {})
    if not all(isinstance(each, dict) for each in parts):
        return None
    texts = tuple(tuple(each.items()) for each in parts)
    if not all(isinstance(value, str) for each in texts for _, value in each):
        return None
    return (request.method, request.url, request.auth, *texts)


def with_body(first: PreparedRequest, body: str) -> PreparedRequest:
    """A request like `first`, with another body."""
    request = PreparedRequest()
    request.method, request.url, request.hooks = first.method, first.url, first.hooks
    request.headers = first.headers.copy()
    request._cookies = first._cookies  # type: ignore[attr-defined]  # none, for requests' adapter
    request.prepare_body(body, None)
    return request


Carrying = tuple[Carrier, list[Exchange], Mapping[str, str], str, Mapping[str, Any]]
CARRYING: ContextVar[Carrying | None] = ContextVar("carrying", default=None)

# The arguments of requests.Session.request that make up the request; the others say how to send it.
CONTENT = {"headers", "files", "data", "params", "auth", "cookies", "hooks", "json"}


class CarriedSession(Session):
    """Session of a plugin. Within `Carrier.carrying` its requests are sent by the carrier."""

    def request(self, method: str, url: str, **options: Any) -> Response:  # type: ignore[override]
        """Send by the carrier, if there is one. Redirects are not followed: they count as an
        answer."""
        carrying = CARRYING.get()
        if carrying is None:
            return super().request(method, url, **options)
        carrier, exchanges, headers, text, fields = carrying
        content = {name: value for name, value in options.items() if name in CONTENT}
        content["data"] = with_fields(content.get("data"), fields)
        there = carrier.surroundings(self, url, options.get("verify"), options.get("cert"))
        prepared = carrier.prepared(self, Request(method.upper(), url, **content))
        for name, value in headers.items():
            prepared.headers.setdefault(name, value)
        exchange = begun(prepared, text)
        exchanges.append(exchange)
        return carrier.carry(prepared, exchange, **there)

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Prepare the request with its own login only: a `.netrc` of the machine would replace the
        token in its headers and send another service's password."""
        self.trust_env, trusted = False, self.trust_env
        try:
            return super().prepare_request(request)
        finally:
            self.trust_env = trusted


def begun(request: PreparedRequest, text: str) -> Exchange:
    parts = urlsplit(request.url or "")
    says = says_text(f"{parts.path}?{parts.query}", text)
    return Exchange(request.method or "", str(parts.hostname), str(parts.path), says)


WORD = re.compile(r"\w{3,}")
# One word of a message may occur in any URL by chance; this many of them do not.
TELLING = 3


def says_text(address: str, text: str) -> bool:
    """True if a percent-encoded URL contains the text, or as much of it as fits."""
    words = frozenset(WORD.findall(text))
    there = frozenset(WORD.findall(unquote_plus(address)))
    return len(words & there) >= min(TELLING, len(words))


def note_answer(response: Response, exchange: Exchange) -> None:
    exchange.status = response.status_code
    exchange.reason = response.reason or ""
    exchange.headers = response.headers


def read_body(response: Response, exchange: Exchange) -> None:
    """Read the body as far as it came: if it breaks off, the status still counts as an answer."""
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
