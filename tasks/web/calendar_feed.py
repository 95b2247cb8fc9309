"""A person's calendar, `/calendar/TOKEN.ics`, for programs that subscribe to it."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tasks.web.parts import parts_of

# A program asks each time, and is mostly told that nothing has changed.
CACHING = "private, no-cache"
UNKNOWN = "There is no such calendar.\n"


def calendar_feed(request: Request) -> Response:
    """The calendar; 304 where the program has it, 404 for a token that is unknown or revoked."""
    known = request.headers.get("if-none-match", "")
    found = parts_of(request).feeds.read(request.path_params["token"], known)
    if found is None:
        return PlainTextResponse(UNKNOWN, 404)
    headers = {"etag": found.etag, "cache-control": CACHING}
    if found.content is None:
        return Response(None, 304, headers)
    return Response(found.content, 200, headers, "text/calendar; charset=utf-8")
