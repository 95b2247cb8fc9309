"""The log's limit: what an admin can mend is one line, at most once a minute for all processes.

A tick comes every second: what is away for an hour must not fill the log with its repetition.
"""

import logging
import time
from ctypes import Structure, c_double, c_uint64
from hashlib import blake2b
from multiprocessing.sharedctypes import RawArray
from typing import Any

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
# So many different lines in a minute are told apart; of more, the longest silent is forgotten.
SLOTS = 256


class Said(Structure):
    """A line, by a digest that no two lines share in practice, and when it was last said."""

    _fields_ = (("digest", c_uint64), ("at", c_double))


# Shared by the processes that a worker forks, and without a lock, which one that is killed would
# keep: at worst two processes say a line at the same moment.
SAID: Any = RawArray(Said, SLOTS)


def log_once(*lines: str) -> None:
    """To the log, each line at most once a minute."""
    for line in lines:
        log_once_about(line, line)


def log_once_about(subject: str, line: str) -> None:
    """To the log, unless something was said about this subject within the minute.

    For a line that changes while its cause is the same, such as one with a number in it.
    """
    if may_say(subject, time.monotonic()):
        logger.error("%s", line)


def may_say(subject: str, now: float) -> bool:
    """Whether a minute has passed since it was last said; then it counts as said.

    `now` is monotonic: the same for all processes of a machine, whatever happens to its clock.
    """
    digest = int.from_bytes(blake2b(subject.encode(), digest_size=8).digest(), "big") or 1
    slot = next((each for each in SAID if each.digest == digest), None)
    if slot is None:
        slot = min(SAID, key=lambda each: each.at)
    elif now - slot.at < AGAIN_SECONDS:
        return False
    slot.digest, slot.at = digest, now
    return True
