from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from tasks.database import KNOWN
from tasks.delivery.tools import tools_of
from tests.servers import shared_worker_engine_on
from tests.sinks.smtp import SmtpSink
from tests.tasks.delivery.lesson_day import LessonDay, settings_for

MakeDay = Callable[..., LessonDay]


@pytest.fixture
def make_day(database: str, conn: Connection, smtp_sink: SmtpSink) -> MakeDay:
    """Makes lesson days; keywords are settings."""

    KNOWN.catalogs.clear()

    def make(**changes: Any) -> LessonDay:
        settings = settings_for(database, smtp_sink, **changes)
        return LessonDay(conn, tools_of(shared_worker_engine_on(database), settings), smtp_sink)

    return make


@pytest.fixture
def day(make_day: MakeDay) -> LessonDay:
    return make_day()
