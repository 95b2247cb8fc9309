"""What a worker process knows for as long as it lives."""

from functools import cache

from scheduler.settings import Settings, load_settings


@cache
def worker_settings() -> Settings:
    """The settings, read once: reading them takes longer than a tick (5 ms)."""
    return load_settings()
