"""The server process: where it listens, and when it refuses to."""

import os
import signal
import socket
from contextlib import closing
from types import FrameType

import uvicorn

from scheduler.settings import InvalidSetting, Settings
from tasks.failures.lines import ExitCode, Refused
from tasks.web.access import is_local
from tasks.web.asgi import web_app

# No request takes longer; streams of events end within a second.
STOP_SECONDS = 3
CONNECTIONS = 200
# A tick beside it takes the processor first.
NICENESS = 5


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises Refused where the address is taken, or none of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        line = f"cannot listen on {host}:{port} ({error}): choose another --host or --port."
        raise Refused(line, ExitCode.USAGE) from None


def refuse_strangers(settings: Settings, host: str) -> None:
    """Raise InvalidSetting where others could read the page without a token."""
    if not settings.web_token and not is_local(host):
        raise InvalidSetting(
            f"on {host} others can read the page: set WEB_TOKEN to a long random text, or listen on"
            " 127.0.0.1."
        )


def address_of(listening: socket.socket) -> str:
    """'http://127.0.0.1:8000/'"""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class PageServer(uvicorn.Server):
    """Uvicorn's server, whose streams of events end at once with it. `received`: signals to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.received: list[int] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """In the place of uvicorn's handler of INT and TERM, which raises the signal again within
        the event loop: what is still ending there would be cancelled with a traceback."""
        self.force_exit = bool(self.received)
        self.received.append(sig)
        self.end()

    def end(self) -> None:
        """Begin to stop: no new request, and no further event."""
        self.config.app.state.ending = True  # type: ignore[union-attr]
        self.should_exit = True


def server(settings: Settings) -> PageServer:
    """A server of the page, not yet running."""
    return PageServer(configuration(settings))


def configuration(settings: Settings) -> uvicorn.Config:
    """Uvicorn's, for a server of the app."""
    return uvicorn.Config(
        web_app(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
        lifespan="on",
        ws="none",
    )


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve until a signal, and end by it. Raises KeyboardInterrupt after Ctrl-C."""
    os.nice(NICENESS)
    with closing(listening):
        serving = server(settings)
        serving.config.app.state.parts.begin()  # type: ignore[union-attr]
        serving.run(sockets=[listening])
    for number in serving.received[:1]:
        signal.raise_signal(number)
