"""A web server that records requests, and answers as configured.

http_sink.answer(Answer(status=429, headers={"Retry-After": "30"}), times=1)
http_sink.answer(Answer(delay_seconds=30), path="/slow")
http_sink.answer(Answer(then=BreakOff.AFTER_REQUEST))  # handed over, and no answer comes
"""

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

from tests.sinks.answers import Script

ANY = "*"


class BreakOff(Enum):
    """Where the server cuts the connection."""

    NEVER = "never"
    BEFORE_BODY = "before it has read the body"
    AFTER_REQUEST = "after the request, without an answer"
    IN_ANSWER = "half-way through the answer's body"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    then: BreakOff = BreakOff.NEVER


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpSink(AbstractContextManager["HttpSink"]):
    """`requests` has every request read to its end; `connections` counts those begun."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.script: Script[Answer] = Script()
        self.open: set[socket.socket] = set()
        self.stalled = threading.Event()
        self._server = SinkServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reset()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def answer(self, answer: Answer, *, path: str | None = None, times: int | None = None) -> None:
        """Give this answer to every path, or to one (without its query)."""
        self.script.add(ANY, path, answer, times)

    def respond(self, request: Request, answer: Answer) -> Answer:
        """The answer to this request; a subclass may think of another than the configured one."""
        return answer

    def attend(self, connection: socket.socket) -> None:
        """Serve a connection that was made elsewhere (tests/sinks/internet.py) to its end."""
        self._server.finish_request(connection, connection.getpeername())

    def reset(self) -> None:
        """Forget everything, and close open connections."""
        self.script.clear()
        self.stalled.set()
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.stalled = threading.Event()
        self.requests, self.connections = [], 0


class SinkServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sink: HttpSink) -> None:
        self.sink = sink
        super().__init__((sink.host, 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer leave together: no waiting for the client's delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.sink = cast(SinkServer, self.server).sink
        self.sink.connections += 1
        self.sink.open.add(self.connection)

    def finish(self) -> None:
        self.sink.open.discard(self.connection)
        super().finish()

    def handle_request(self) -> None:
        answer = self.sink.script.answer_to(ANY, self.path.partition("?")[0], Answer())
        if answer.then is BreakOff.BEFORE_BODY:
            self.break_off()
            return
        request = self.read_request()
        self.sink.requests.append(request)
        # Interrupted where the sink is reset, so that no test waits for another's slow answer.
        self.sink.stalled.wait(answer.delay_seconds)
        if answer.then is BreakOff.AFTER_REQUEST:
            self.break_off()
            return
        self.write(self.sink.respond(request, answer))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request  # noqa: N815

    def read_request(self) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(self.command, self.path, headers, body, datetime.now(UTC))

    def write(self, answer: Answer) -> None:
        breaks = answer.then is BreakOff.IN_ANSWER
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if breaks else answer.body)
        self.wfile.flush()
        if breaks:
            self.break_off()

    def break_off(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests are recorded."""
