"""Waiting times between the tries of a message that failed."""

from datetime import datetime, timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(minutes=15)
JITTER_PERCENT = 20


def retry_at(
    now: datetime, failures: int, delivery_id: int, starts_at: datetime, wait: timedelta | None
) -> datetime:
    """Time of the next try after `failures` failures on one channel: 15 s, 30 s, 1 min … 15 min.

    A jitter of at most a fifth, by `delivery_id`, is added. The result is not before `now` plus the
    provider's own `wait` (Retry-After), and not after `starts_at`, when the message expires.
    """
    doubled = min(FIRST * (1 << min(failures - 1, 10)), LONGEST)
    spread = doubled * (delivery_id % (JITTER_PERCENT + 1)) / 100
    return min(now + max(doubled + spread, wait or timedelta(0)), starts_at)
