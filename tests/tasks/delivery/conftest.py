from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Connection

from tasks.database import engine
from tasks.delivery.tools import tools_of
from tests.sinks.smtp import SmtpSink
from tests.tasks.delivery.lesson_day import LessonDay, settings_for

MakeDay = Callable[..., LessonDay]


@pytest.fixture
def make_day(database: str, conn: Connection, smtp_sink: SmtpSink) -> Iterator[MakeDay]:
    """Makes lesson days; keywords are settings."""
    with ExitStack() as stack:

        def make(**changes: Any) -> LessonDay:
            settings = settings_for(database, smtp_sink, **changes)
            made = engine(settings)
            stack.callback(made.dispose)
            return LessonDay(conn, tools_of(made, settings), smtp_sink)

        yield make


@pytest.fixture
def day(make_day: MakeDay) -> LessonDay:
    return make_day()
