"""A value that takes long to read: it is read in the background, and the last one is shown."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from tasks.failures.known import failure_of

logger = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Last(Generic[Value]):
    """The last value, None before the first; `failure`: the line of the last reading's error.
    `is_read`: one reading has ended."""

    value: Value | None
    failure: str | None
    age_seconds: float
    is_read: bool


class RefreshedValue(Generic[Value]):
    """The value of `read`. A request for one older than `seconds` has it read in the
    background."""

    def __init__(self, read: Callable[[], Value], seconds: float) -> None:
        self.read, self.seconds = read, seconds
        self._lock, self._done = Lock(), Event()
        self._reading = False
        self._read_at: float | None = None
        self._value: Value | None = None
        self._failure: str | None = None

    def get(self, patience: float = 0.0) -> Last[Value]:
        """The last value; before the first, one is waited for up to `patience` seconds."""
        self._begin()
        if self._read_at is None:
            self._done.wait(patience)
        return self._last()

    def get_fresh(self, patience: float, usable_seconds: float, longest: float) -> Last[Value]:
        """As `get`; where the value is old, a newer one is waited for up to `patience` seconds, and
        up to `longest` where it is older than `usable_seconds` or there is none."""
        if self._begin():
            last = self._last()
            usable = last.is_read and last.age_seconds <= usable_seconds
            self._done.wait(patience if usable else longest)
        return self._last()

    def _begin(self) -> bool:
        """Have the value read, if it is old. Returns whether it is."""
        if self._claim():
            self._done.clear()
            Thread(target=self._refresh, daemon=True).start()
        return self._reading

    def _last(self) -> Last[Value]:
        is_read = self._read_at is not None
        age = time.monotonic() - self._read_at if self._read_at is not None else 0.0
        return Last(self._value, self._failure, age, is_read)

    def _claim(self) -> bool:
        with self._lock:
            old = self._read_at is None or time.monotonic() - self._read_at > self.seconds
            claimed, self._reading = old and not self._reading, self._reading or old
            return claimed

    def _refresh(self) -> None:
        try:
            self._value, self._failure = self.read(), None
        except Exception as error:  # a page must be shown whatever cannot be read
            failure = failure_of(error)
            self._failure = failure.message if failure else f"{type(error).__name__}: see the log"
            if failure is None:
                logger.exception("The page cannot read what it shows")
        self._read_at, self._reading = time.monotonic(), False
        self._done.set()
