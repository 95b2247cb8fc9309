"""Waiting in tests: poll with a limit, never sleep and hope.

The limit is a safety net, not a measure of speed: a machine under load may take its time.
"""

import time
from collections.abc import Callable
from typing import TypeVar

POLL_SECONDS = 0.02

Seen = TypeVar("Seen")


def eventually(condition: Callable[[], Seen], within: float = 120) -> Seen:
    """Poll until the condition gives something true, and return that.

    An AssertionError in it counts as not yet. After `within` seconds it fails with what it last
    saw.
    """
    limit = time.monotonic() + within
    while True:
        last: object
        try:
            if seen := condition():
                return seen
            last = seen
        except AssertionError as error:
            last = error
        if time.monotonic() > limit:
            raise AssertionError(f"not within {within} s; last seen: {last!r}")
        time.sleep(POLL_SECONDS)
