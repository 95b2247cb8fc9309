"""One address in front of servers that change: what a switch-over or a bad proxy does to a client.

    with Relay(socket_path) as relay:
        … relay.host, relay.port …
        relay.point_at(another)   # new connections go there, those that stand stay
        relay.swallow()           # takes everything, and passes nothing on
        relay.hang_up()           # ends the connections that stand

As a program, in a network namespace for instance: `relay.py HOST PORT TARGET`.
"""

import contextlib
import selectors
import socket
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

Target = Path | tuple[str, int]  # a unix socket, or host and port
LOOK_SECONDS = 0.05


class Relay(AbstractContextManager["Relay"]):
    def __init__(self, target: Target | None, host: str = "127.0.0.1", port: int = 0) -> None:
        self._target = target
        self._passing = True
        self.taken = 0  # connections since the start
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._ended = Event()
        self._listener = socket.create_server((host, port))
        self._listener.settimeout(LOOK_SECONDS)
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._listener.close()
        self.hang_up()

    @property
    def host(self) -> str:
        return str(self._listener.getsockname()[0])

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def point_at(self, target: Target | None) -> None:
        """Send new connections there; with None they are closed without an answer."""
        self._target, self._passing = target, True

    def swallow(self) -> None:
        """Take what comes, on new connections too, and pass nothing on in either direction."""
        self._passing = False

    def hang_up(self) -> None:
        for pair in list(self._pairs):
            end(pair)

    def _accept(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                client.setblocking(True)
                self.taken += 1
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = connect(self._target)
        except OSError:
            client.close()
            return
        pair = (client, server)
        self._pairs.add(pair)
        try:
            with contextlib.suppress(OSError, ValueError):
                self._pass_on(*pair)
        finally:
            end(pair)
            self._pairs.discard(pair)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for each in other:
                selector.register(each, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in selector.select(LOOK_SECONDS):
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    piece = source.recv(65536)
                    if not piece and self._passing:
                        return
                    if not piece:
                        selector.unregister(source)
                    elif self._passing:
                        other[source].sendall(piece)


def connect(target: Target | None) -> socket.socket:
    if target is None:
        raise ConnectionRefusedError
    if isinstance(target, tuple):
        return socket.create_connection(target)
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(target))
    return line


def end(pair: tuple[socket.socket, socket.socket]) -> None:
    for each in pair:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def target_of(text: str) -> Target:
    """A path, or HOST:PORT."""
    host, found, port = text.partition(":")
    return (host, int(port)) if found else Path(text)


if __name__ == "__main__":
    with Relay(target_of(sys.argv[3]), sys.argv[1], int(sys.argv[2])):
        print("ready", flush=True)
        Event().wait()
