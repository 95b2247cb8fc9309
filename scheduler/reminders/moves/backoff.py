"""When a message that failed is tried again."""

from datetime import datetime, timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(minutes=15)
JITTER_PERCENT = 20


def retry_at(
    now: datetime, attempts: int, delivery_id: int, starts_at: datetime, wait: timedelta | None
) -> datetime:
    """After `attempts` tries: 15 s, 30 s, 1 min … 15 min, and up to a fifth more by the id.

    Not before the provider's own `wait`, and never after the start: then it expires.
    """
    doubled = min(FIRST * (1 << min(attempts - 1, 10)), LONGEST)
    spread = doubled * (delivery_id % (JITTER_PERCENT + 1)) / 100
    return min(now + max(doubled + spread, wait or timedelta(0)), starts_at)
