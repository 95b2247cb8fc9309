"""The handover of a message: until it begins, another thread can call the try off (promise 3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class CalledOff(Exception):
    """The try was called off before anything was handed over, and nothing will be."""


class Handover:
    """Of one try. A transport begins it before the first byte that could make the provider act."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._off = False
        self._begun = False

    @property
    def begun(self) -> bool:
        return self._begun

    def begin(self) -> None:
        """Raises CalledOff."""
        with self._lock:
            if self._off:
                raise CalledOff
            self._begun = True

    def call_off(self) -> bool:
        """True where nothing was handed over; then nothing will be."""
        with self._lock:
            self._off = not self._begun
            return self._off


UNDER_WAY: ContextVar[Handover | None] = ContextVar("handover", default=None)


@contextmanager
def under_way(handover: Handover) -> Iterator[None]:
    """What this thread sends meanwhile is this try's."""
    token = UNDER_WAY.set(handover)
    try:
        yield
    finally:
        UNDER_WAY.reset(token)


def begin_handover() -> None:
    """Called by each transport; without a try of the worker's it does nothing. Raises CalledOff."""
    handover = UNDER_WAY.get()
    if handover is not None:
        handover.begin()
