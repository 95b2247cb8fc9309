"""Probes for whoever starts, watches and scrapes the process: `/healthz`, `/readyz`, `/metrics`."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tasks.web.parts import parts_of


async def healthz(_request: Request) -> Response:
    """200: the process lives. It asks nobody, so that a database that is away restarts nothing."""
    return JSONResponse({"alive": True})


def readyz(request: Request) -> Response:
    """200 where the database and the broker answer, otherwise 503 with which of them does not."""
    answers = parts_of(request).readiness.get()
    return JSONResponse(answers, 200 if all(answers.values()) else 503)


def metrics(request: Request) -> Response:
    """The metrics in Prometheus's text format."""
    exposed = parts_of(request).exporter.expose(request.headers.get("accept", ""))
    return Response(exposed.text, media_type=exposed.media_type)
