"""The last messages as they went out: for the page, and as a stream of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Engine

from scheduler.database_clock import database_now
from scheduler.ledger.overview import TryLine, last_logged, last_tries
from scheduler.settings import OutboxMode, Settings

SHOWN = 20
LastMessages = Sequence[TryLine]


def last_messages(engine: Engine, settings: Settings) -> LastMessages:
    """The last tries, the newest first; with OUTBOX=log the last messages that were logged."""
    with engine.connect() as conn:
        if settings.outbox.mode is OutboxMode.LOG:
            return last_logged(conn, database_now(conn) - timedelta(hours=2), SHOWN)
        return last_tries(conn, SHOWN)
