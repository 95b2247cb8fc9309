"""Ports of this machine for servers that choose none themselves."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Different ones; another process may take them meanwhile."""
    with ExitStack() as taken:
        sockets = [
            taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]


def is_open(port: int) -> bool:
    """True if a server listens there.

    A socket that knocks at a free port may be given that very port, and then meets itself.
    """
    with socket.socket() as knock:
        answered = knock.connect_ex(("127.0.0.1", port)) == 0
        return answered and knock.getsockname() != knock.getpeername()
