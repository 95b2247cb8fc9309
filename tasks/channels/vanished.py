"""Socket options by which the kernel gives up a provider's host that vanished without a word.

SEND_TIMEOUT may be minutes, for a provider that answers late. One that has vanished acknowledges no
packet, and is given up within 20 s (design, "A year later").
"""

import socket
from datetime import timedelta

# While nothing is on its way, a keepalive is sent after so many seconds, and asks for an
# acknowledgement; so a wait for an answer ends after both times together at the latest.
KEEPALIVE_SECONDS = 5
VANISHED = timedelta(seconds=15)

# By name, as not every system has them (tcp(7), RFC 5482). TCP_USER_TIMEOUT: milliseconds.
TCP = {
    "TCP_USER_TIMEOUT": VANISHED // timedelta(milliseconds=1),
    "TCP_KEEPIDLE": KEEPALIVE_SECONDS,
    "TCP_KEEPINTVL": KEEPALIVE_SECONDS,
}
OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in TCP.items()
        if hasattr(socket, name)
    ),
]


def give_up_when_vanished(sock: socket.socket) -> None:
    """Set the options on a connected TCP socket."""
    for level, option, value in OPTIONS:
        sock.setsockopt(level, option, value)
