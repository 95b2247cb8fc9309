"""Readings of the page Today: at once, or in the background where they take long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Engine

from models.catalog import SiteCatalog, with_taken_ids
from scheduler.database_clock import database_now
from scheduler.ledger.figures import Standing, Waiting, count_waiting, read_standing
from scheduler.ledger.overview import (
    AbsentLine,
    ChannelLine,
    ConflictLine,
    Day,
    SessionLine,
    UnreadableRule,
    absent_on,
    channel_lines,
    conflicts_to_come,
    days_of_week,
    sessions_to_come,
    unreadable_rules,
)
from scheduler.ledger.timeline import Slot, slots
from scheduler.settings import Settings
from tasks.alerts.unreached import Week, coming_week
from tasks.channels.configured import channels_of
from tasks.database import site_catalog

SHOWN_SESSIONS = 40
SHOWN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Today:
    """The page's figures at `now`; `today` is a date at the site."""

    now: datetime
    today: date
    waiting: Sequence[Waiting]
    standing: Standing
    week: Sequence[Day]
    sessions: Sequence[SessionLine]
    absent: Sequence[AbsentLine]
    conflicts: Sequence[ConflictLine]
    unreadable: Sequence[UnreadableRule]
    channels: Mapping[str, ChannelLine]

    @property
    def due(self) -> int:
        """Messages that should have gone by now."""
        return sum(each.due for each in self.waiting)


def read_today(engine: Engine, settings: Settings) -> Today:
    """All that takes milliseconds on a large site with an index on (session_date, start_time)."""
    catalog = site_catalog(engine)
    with engine.connect() as conn:
        now = database_now(conn)
        wall = now.astimezone(settings.zone)
        today = wall.date()
        found = with_taken_ids(conn, catalog)
        begun = (wall - timedelta(hours=1)).time() if wall.hour else wall.time()
        return Today(
            now=now,
            today=today,
            waiting=count_waiting(conn, now),
            standing=read_standing(conn, today),
            week=days_of_week(conn, today),
            sessions=sessions_to_come(conn, found, today, begun, SHOWN_SESSIONS),
            absent=absent_on(conn, found, today, SHOWN_ROWS),
            conflicts=conflicts_to_come(conn, today, SHOWN_ROWS),
            unreadable=unreadable_rules(conn, SHOWN_ROWS),
            channels={each.channel: each for each in channel_lines(conn, now)},
        )


def read_week(engine: Engine, settings: Settings) -> Week:
    """People who cannot be reached in the coming week. Slow: it decides for each coming message."""
    catalog: SiteCatalog = site_catalog(engine)
    with engine.connect() as conn:
        found = with_taken_ids(conn, catalog)
        now = database_now(conn)
        return coming_week(conn, found, settings, channels_of(settings), now)


# Span: length of a slot, and number of slots.
SPANS: Mapping[str, tuple[timedelta, int]] = {
    "hour": (timedelta(minutes=1), 60),
    "day": (timedelta(minutes=30), 48),
    "month": (timedelta(days=1), 30),
}


def read_slots(engine: Engine, span: str) -> Sequence[Slot]:
    """Lateness and failures over the last hour, day or month."""
    length, count = SPANS[span]
    with engine.connect() as conn:
        return slots(conn, database_now(conn), length, count)
