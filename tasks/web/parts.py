"""Parts that the pages of one process share: settings, connections, and what was read lately."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine
from starlette.requests import Request

from scheduler.settings import Settings
from tasks.database import engine
from tasks.web.kept_value import KeptValue
from tasks.web.metrics import Exporter
from tasks.web.readiness import readiness


@dataclass(frozen=True, slots=True)
class Parts:
    """`engine`: its transactions are READ ONLY, so that PostgreSQL refuses what a page must not
    do."""

    settings: Settings
    engine: Engine
    exporter: Exporter
    readiness: KeptValue[dict[str, bool]]


def parts(settings: Settings) -> Parts:
    """The parts; nothing connects before it is asked."""
    reading = engine(settings).execution_options(postgresql_readonly=True)
    return Parts(
        settings=settings,
        engine=reading,
        exporter=Exporter(reading, settings),
        readiness=readiness(reading, settings),
    )


def parts_of(request: Request) -> Parts:
    """The parts of the app that a request came to."""
    found: Parts = request.app.state.parts
    return found
