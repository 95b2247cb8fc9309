"""Parts that the pages of one process share: settings, connections, and what was read lately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Engine, text
from starlette.requests import Request

from scheduler.ledger.timeline import Slot
from scheduler.settings import Settings
from tasks.admin.doctor import Examination, examine
from tasks.admin.explain import ReachBy, reach_of
from tasks.alerts.unreached import Week
from tasks.database import engine
from tasks.web.feeds import Feeds
from tasks.web.kept_value import KeptValue
from tasks.web.last_messages import LastMessages, last_messages
from tasks.web.metrics import Exporter
from tasks.web.previews import Previews
from tasks.web.readiness import readiness
from tasks.web.refreshed_value import RefreshedValue
from tasks.web.today import SPANS, Today, read_slots, read_today, read_week

# How old what is shown may be, in seconds.
TODAY_SECONDS = 2.0
EXAMINED_SECONDS = 30.0
WEEK_SECONDS = 600.0
# A page's statement takes milliseconds at any size of the site; one that takes longer is given up,
# before it takes the server from the worker.
PAGE_LIMIT = text("SET LOCAL statement_timeout = '3s'")
SLOT_SECONDS = {"hour": 10.0, "day": 60.0, "month": 600.0}


@dataclass(frozen=True, slots=True)
class Parts:
    """`engine`: its transactions are READ ONLY, so that PostgreSQL refuses what a page must not
    do."""

    settings: Settings
    engine: Engine
    exporter: Exporter
    readiness: KeptValue[dict[str, bool]]
    feeds: Feeds
    today: RefreshedValue[Today]
    examined: RefreshedValue[Examination]
    week: RefreshedValue[Week]
    slots: Mapping[str, RefreshedValue[Sequence[Slot]]]
    last_messages: KeptValue[LastMessages]
    previews: Previews
    reach: ReachBy

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for a page; whatever takes longer than 3 s there is given up."""
        with self.engine.connect() as conn:
            conn.execute(PAGE_LIMIT)
            yield conn

    def begin(self) -> None:
        """Begin to read what takes long, before anybody asks."""
        self.examined.get()
        self.week.get()
        for each in self.slots.values():
            each.get()


def parts(settings: Settings) -> Parts:
    """The parts; nothing connects before it is asked."""
    reading = engine(settings).execution_options(postgresql_readonly=True)
    return Parts(
        settings=settings,
        engine=reading,
        exporter=Exporter(reading, settings),
        readiness=readiness(reading, settings),
        feeds=Feeds(settings),
        today=RefreshedValue(lambda: read_today(reading, settings), TODAY_SECONDS),
        examined=RefreshedValue(lambda: examine(settings, datetime.now(UTC)), EXAMINED_SECONDS),
        week=RefreshedValue(lambda: read_week(reading, settings), WEEK_SECONDS),
        slots={
            span: RefreshedValue(partial(read_slots, reading, span), SLOT_SECONDS[span])
            for span in SPANS
        },
        last_messages=KeptValue(lambda: last_messages(reading, settings), 1.0),
        previews=Previews(settings),
        reach=reach_of(settings),
    )


def parts_of(request: Request) -> Parts:
    """The parts of the app that a request came to."""
    found: Parts = request.app.state.parts
    return found
