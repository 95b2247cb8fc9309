"""Pages that are made once a second at most and two at a time, however often they are asked for:
the worker on the same machine and database comes first."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tasks.web.html import language_of

KEPT_SECONDS = 1.0
AT_ONCE = 2

Answer = Callable[[Request], Response]


@dataclass(slots=True)
class Made:
    """A page that is made, or being made. `at`: monotonic, when it was asked for first."""

    page: asyncio.Future[Response]
    at: float


@dataclass(slots=True)
class SharedPages:
    """The pages of one app."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    made: dict[Hashable, Made] = field(default_factory=dict)

    async def get(self, request: Request, answer: Answer) -> Response:
        """The page; whoever asks for the same within a second gets the same one. Raises what
        `answer` raises."""
        key = request.url.path, request.url.query, language_of(request)
        now = time.monotonic()
        found = self.made.get(key)
        if found is None or (found.page.done() and now - found.at > KEPT_SECONDS):
            self._forget_old(now)
            found = self.made[key] = Made(asyncio.ensure_future(self._make(request, answer)), now)
        return await asyncio.shield(found.page)  # a browser that goes away ends nothing of others'

    async def _make(self, request: Request, answer: Answer) -> Response:
        async with self.turns:
            return await run_in_threadpool(answer, request)

    def _forget_old(self, now: float) -> None:
        for key, one in [*self.made.items()]:
            if one.page.done() and now - one.at > KEPT_SECONDS:
                del self.made[key]


def shared(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The page's function as one whose pages are shared."""

    async def get(request: Request) -> Response:
        pages: SharedPages = request.app.state.pages
        return await pages.get(request, answer)

    return get
