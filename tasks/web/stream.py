"""Server-sent events: a row of the page for each message that goes out (`/events`)."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from scheduler.ledger.overview import TryLine
from tasks.web.dates import Dates
from tasks.web.html import language_of
from tasks.web.parts import Parts, parts_of
from tasks.web.sentences import message_row

# Streams that are open at a time. All of them share one query a second.
STREAMS = 20
EACH_SECONDS = 1.0
# After so many silent rounds a line without meaning, so that a proxy does not end the stream.
QUIET_ROUNDS = 15


async def events(request: Request) -> Response:
    """The stream; 503 where too many are open."""
    if request.app.state.streams >= STREAMS:
        return PlainTextResponse("Too many pages are open: reload in a while.\n", 503)
    return StreamingResponse(
        stream(request, parts_of(request)),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def stream(request: Request, parts: Parts) -> AsyncIterator[str]:
    state = request.app.state
    state.streams += 1
    try:
        seen = {line.id for line in await newest(parts)}
        yield "retry: 5000\n\n"
        quiet = 0
        while not await request.is_disconnected() and not state.ending:
            fresh = [line for line in await newest(parts) if line.id not in seen]
            seen |= {line.id for line in fresh}
            quiet = 0 if fresh else quiet + 1
            for words in told(request, parts, reversed(fresh)):
                yield words
            if quiet >= QUIET_ROUNDS:
                quiet = 0
                yield ": nothing new\n\n"
            await asyncio.sleep(EACH_SECONDS)
    finally:
        state.streams -= 1


async def newest(parts: Parts) -> list[TryLine]:
    """The last messages; none while the database does not answer, so that the stream stays."""
    try:
        return [*await anyio.to_thread.run_sync(parts.last_messages.get)]
    except Exception:  # noqa: BLE001 (the page itself says what is wrong)
        return []


def told(request: Request, parts: Parts, lines: Iterable[TryLine]) -> Iterable[str]:
    dates = Dates(language_of(request), parts.settings.zone, datetime.now(UTC))
    for line in lines:
        yield f"event: message\ndata: {json.dumps(message_row(line, dates))}\n\n"
