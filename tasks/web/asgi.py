"""The ASGI app: addresses, what every answer has, and what a failure looks like."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from scheduler.settings import Settings
from tasks.database import ServerUnreachable
from tasks.failures.lines import Failure
from tasks.web.access import Guard
from tasks.web.headers import OnlyReading, SafeHeaders
from tasks.web.parts import Parts, parts
from tasks.web.routes import routes
from tasks.web.shared_page import SharedPages

# Answers that read at the same time, each with one connection; pages are half of them at most, so
# that probes and metrics need not wait for those.
READERS = 4


def web_app(settings: Settings) -> Starlette:
    """The app on the settings' database and broker."""
    app = Starlette(
        routes=routes(Guard(settings.web_token)),
        middleware=[Middleware(SafeHeaders), Middleware(OnlyReading)],
        exception_handlers={
            ServerUnreachable: unreachable,
            DBAPIError: refused_by_the_database,
        },
        lifespan=lifespan,
    )
    app.state.parts, app.state.pages = parts(settings), SharedPages()
    app.state.streams, app.state.ending = 0, False
    return app


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Begins to count for the metrics; closes the connections at the end."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = READERS
    own: Parts = app.state.parts
    await anyio.to_thread.run_sync(own.exporter.metrics.get)
    try:
        yield
    finally:
        own.engine.dispose()
        own.feeds.dispose()


def unreachable(_request: Request, error: Exception) -> Response:
    """503, with the line that a command would print."""
    return PlainTextResponse(f"{error}\n", 503)


def refused_by_the_database(_request: Request, error: Exception) -> Response:
    """503 with a line where PostgreSQL refuses; what is nobody's cure stays an error of ours."""
    from tasks.failures.known import failure_of  # imports all parts

    failure = failure_of(error)
    if not isinstance(failure, Failure):
        raise error
    return PlainTextResponse(f"{failure.message}\n", 503)
