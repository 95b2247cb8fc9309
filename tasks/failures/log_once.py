"""Limit of the log: a line about a known failure at most once a minute, across all processes.

A tick comes every second, so a server that is down for an hour would fill the log otherwise.
"""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import Structure, c_double, c_uint64
from hashlib import blake2b
from multiprocessing.sharedctypes import RawArray
from typing import Any

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
# Number of different lines that are remembered; of more, the one logged longest ago is forgotten.
SLOTS = 256


class Said(Structure):
    """Digest of a line (unique in practice), and the instant when it was last logged."""

    _fields_ = (("digest", c_uint64), ("at", c_double))


# Shared by the processes that a worker forks.
SAID: Any = RawArray(Said, SLOTS)


TURN_TRIES = 20
TURN_WAIT_SECONDS = 0.005


@contextmanager
def turn() -> Iterator[None]:
    """One process and thread at a time, by flock(2) on this file: the kernel ends the lock of a
    killed process. One that stands still keeps it, so nobody waits longer than a tenth of a second.
    """
    with open(__file__, encoding="utf-8") as file:
        for _ in range(TURN_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(TURN_WAIT_SECONDS)
        yield


def log_once(*lines: str) -> None:
    """Log the lines, each at most once a minute."""
    for line in lines:
        log_once_about(line, line)


def log_once_about(subject: str, line: str) -> None:
    """Log the line, unless a line about this subject was logged within the last minute.

    For lines that vary with the same cause, such as lines with a number in them.
    """
    if may_say(subject, time.monotonic()):
        logger.error("%s", line)


def may_say(subject: str, now: float) -> bool:
    """True where nothing was logged about the subject within a minute; it then counts as logged.

    `now` is monotonic: the same for all processes of a machine, and independent of its clock.
    """
    digest = int.from_bytes(blake2b(subject.encode(), digest_size=8).digest(), "big") or 1
    with turn():
        return _take_slot(digest, now)


def _take_slot(digest: int, now: float) -> bool:
    slot = next((each for each in SAID if each.digest == digest), None)
    if slot is None:
        slot = min(SAID, key=lambda each: each.at)
    elif now - slot.at < AGAIN_SECONDS:
        return False
    slot.digest, slot.at = digest, now
    return True
