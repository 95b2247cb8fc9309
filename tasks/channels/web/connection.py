"""Connections of urllib3 that record how far a request got.

The outcome of a broken request depends on whether its last byte had left, and the class of the
exception does not say so: behind a proxy, urllib3 reports a connection cut after the body as
"Unable to connect to proxy". So each step is recorded where it happens.
"""

import functools
import http.client
import ssl
import time
from contextvars import ContextVar
from datetime import timedelta
from io import BufferedReader
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.exceptions import SSLError as WrappedSSLError

from tasks.channels.deadline import TimedReads
from tasks.channels.handover import begin_handover
from tasks.channels.vanished import OPTIONS
from tasks.channels.web.exchange import Exchange
from tasks.channels.web.seen import WebSeen

# The request that this thread is sending, and its longest wait for the answer.
UNDER_WAY: ContextVar[tuple[Exchange, timedelta]] = ContextVar("under_way")

# A server closes an idle connection sooner or later; a request sent into that is lost without a
# trace. Common servers allow from 2 (gunicorn) to 75 s (nginx).
LONGEST_IDLE_SECONDS = 1.5
SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, *OPTIONS]


class Noting(HTTPConnection):
    """HTTP connection that records each step of the current request."""

    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """False too after so long an idle time that the server may be closing the connection."""
        return super().is_connected and time.monotonic() - self._used_at < LONGEST_IDLE_SECONDS

    def connect(self) -> None:
        exchange, _ = UNDER_WAY.get()
        try:
            super().connect()
        except Exception as error:
            exchange.fail(connecting_seen(error), error_words(error))
            raise

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange, answer = UNDER_WAY.get()
        if self.sock is None:
            self.connect()
        self.timeout = answer.total_seconds()
        begin_handover()
        try:
            super().request(*args, **kwargs)
        except Exception as error:
            exchange.fail(sending_seen(error), error_words(error))
            raise

    def getresponse(self) -> Any:
        exchange, answer = UNDER_WAY.get()
        deadline = time.monotonic() + answer.total_seconds()
        timed: Any = functools.partial(TimedResponse, deadline=deadline)
        self.response_class = timed
        try:
            response = super().getresponse()
        except Exception as error:
            exchange.fail(waiting_seen(error), error_words(error))
            raise
        self._used_at = time.monotonic()
        return response


class NotingSecure(Noting, HTTPSConnection):
    """The same over TLS."""


class NotingPool(HTTPConnectionPool):
    ConnectionCls = Noting


class NotingSecurePool(HTTPSConnectionPool):
    ConnectionCls = NotingSecure


POOLS = {"http": NotingPool, "https": NotingSecurePool}


class NotingAdapter(HTTPAdapter):
    """Adapter of requests that uses these connections, directly and through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, socket_options=SOCKET_OPTIONS, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        options = {"socket_options": SOCKET_OPTIONS, **kwargs}
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager


class TimedResponse(http.client.HTTPResponse):
    """Response with one deadline for its head and body."""

    def __init__(self, sock: Any, *args: Any, deadline: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        reads = TimedReads(sock)
        reads.deadline = deadline
        self.fp: Any = BufferedReader(reads)


def connecting_seen(error: Exception) -> WebSeen:
    """The failure that an error of urllib3 means. Subclasses are tested before their base
    classes."""
    if str(error).startswith("Tunnel connection failed"):  # http.client's plain OSError
        return WebSeen.PROXY_REFUSED
    for kind, seen in CONNECTING:
        if isinstance(error, kind):
            return seen
    return WebSeen.REFUSED


CONNECTING: tuple[tuple[type[Exception] | tuple[type[Exception], ...], WebSeen], ...] = (
    (NameResolutionError, WebSeen.NO_NAME),
    (NewConnectionError, WebSeen.REFUSED),
    ((ConnectTimeoutError, TimeoutError), WebSeen.CONNECT_TIMEOUT),
    ((ssl.SSLError, ssl.CertificateError, WrappedSSLError), WebSeen.TLS_REFUSED),
)


def sending_seen(error: Exception) -> WebSeen:
    """The failure that an error while sending means. A ValueError is a header that cannot be
    encoded: nothing was sent."""
    if isinstance(error, ValueError):
        return WebSeen.NOT_TRIED
    return WebSeen.TIMEOUT_BEFORE if isinstance(error, TimeoutError) else WebSeen.CUT_BEFORE


def waiting_seen(error: Exception) -> WebSeen:
    """The failure that an error while waiting for the answer means. It counts only if the request
    was sent: an earlier failure is recorded already."""
    if isinstance(error, TimeoutError):
        return WebSeen.TIMEOUT_AFTER
    return WebSeen.CUT_AFTER if isinstance(error, OSError) else WebSeen.GARBLED


def error_words(error: Exception) -> str:
    """The system's error text, without the objects of urllib3 around it."""
    cause = innermost(error)
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {cause.verify_message}"
    words = cause.strerror if isinstance(cause, OSError) else None
    return words or str(cause) or type(cause).__name__


def innermost(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
