"""Waiting for a server to answer."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.01


def wait_for(
    condition: Callable[[], bool], within: float, otherwise: Callable[[], Exception]
) -> None:
    """Poll until the condition holds; after `within` seconds raise what `otherwise` makes."""
    limit = time.monotonic() + within
    while not condition():
        if time.monotonic() > limit:
            raise otherwise()
        time.sleep(POLL_SECONDS)
