"""Deadline of a whole answer.

A socket's time-out starts again with every byte, so a server that sends a byte now and then would
hold a worker beyond its lease.
"""

import io
import socket
import time


class TimedReads(io.RawIOBase):
    """Reads from a socket until an instant of `time.monotonic`, then raises TimeoutError."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        # The unbuffered file keeps the socket open for as long as it is read.
        self._file = sock.makefile("rb", buffering=0)
        self._socket = sock
        self.deadline = float("inf")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        set_timeout(self._socket, self.deadline)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def set_timeout(sock: socket.socket, deadline: float) -> None:
    """Set the socket's time-out to the time left until the deadline (time.monotonic, seconds).

    Raises TimeoutError where none is left.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    sock.settimeout(left if left != float("inf") else None)
