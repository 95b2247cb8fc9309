"""Use of the database's zone data in this process, where the machine's differs."""

import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from scheduler.database_clock import database_now
from scheduler.settings import Settings
from scheduler.site.zones import follow_database_zones, in_words
from tasks.failures.log_once import log_once_about

LOOK_EVERY = timedelta(days=1)


@dataclass
class _Looked:
    at: float | None = None


_LOOKED = _Looked()


def follow_zones(engine: Engine, settings: Settings) -> None:
    """Use the database's offsets of zones that differ; checked once a day.

    Logs the differences. Does nothing before the ledger is set up.
    """
    if _LOOKED.at is not None and time.monotonic() - _LOOKED.at < LOOK_EVERY.total_seconds():
        return
    with engine.connect() as conn:
        for one in follow_database_zones(conn, settings, database_now(conn)):
            log_once_about(f"zone {one.zone}", f"{in_words(one)}: messages use PostgreSQL's hours.")
    _LOOKED.at = time.monotonic()
