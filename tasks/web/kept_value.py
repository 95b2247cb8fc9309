"""A value that is read again only after some time, whoever asks for it how often."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class KeptValue(Generic[Value]):
    """The value of `read`, at most `seconds` old. Of several threads that ask, one reads.

    What `read` raises is not kept.
    """

    def __init__(self, read: Callable[[], Value], seconds: float) -> None:
        self.read, self.seconds = read, seconds
        self._lock = Lock()
        self._kept: tuple[float, Value] | None = None

    def get(self) -> Value:
        """The value, read now if the last one is too old. Raises what `read` raises."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > self.seconds:
                self._kept = (time.monotonic(), self.read())
            return self._kept[1]
