"""Waiting times between the tries of a message that failed."""

from datetime import datetime, timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(minutes=15)
JITTER_PERCENT = 20


def retry_at(
    now: datetime, failures: int, delivery_id: int, starts_at: datetime, wait: timedelta | None
) -> datetime:
    """After so many failures on one channel: 15 s, 30 s, 1 min … 15 min, and a bit more by the id.

    The bit is at most a fifth. Not before the provider's own `wait`, and never after the start:
    then it expires.
    """
    doubled = min(FIRST * (1 << min(failures - 1, 10)), LONGEST)
    spread = doubled * (delivery_id % (JITTER_PERCENT + 1)) / 100
    return min(now + max(doubled + spread, wait or timedelta(0)), starts_at)
