"""The page's own style and script, the only ones that a browser may load."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FOLDER = Path(__file__).parent / "static"
TYPES = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
KEPT = {"cache-control": "max-age=300"}
FILES = {name: (FOLDER / name).read_bytes() for name in TYPES}


async def file(request: Request) -> Response:
    """One of our files, read when the process began."""
    name = request.path_params["name"]
    if name not in FILES:
        return PlainTextResponse("There is no such file.\n", 404)
    return Response(FILES[name], media_type=TYPES[name], headers=KEPT)
