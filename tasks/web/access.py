"""Access to the pages: the token, the cookie that stands for it, and the hosts that are answered.

With WEB_TOKEN a page is shown to who sends it: as `Authorization: Bearer`, or once as `?token=`,
which is answered by a cookie. Without it only a browser on the same machine is answered, and only
under this machine's own name: a page from elsewhere could otherwise be read by another site's
script, whose name its owner points at 127.0.0.1.
"""

import hmac
import ipaddress
from enum import Enum
from hashlib import sha256
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "session_worker"
KEPT_SECONDS = 30 * 24 * 3600
LOCAL_NAME = "localhost"


class Access(Enum):
    """To whom an address is answered."""

    ADMIN = "who has the token"
    # What tells nothing of people, or whose address is a secret of its own.
    EVERYBODY = "everybody"


def is_local(host: str) -> bool:
    """True for a name or address by which only this machine is reached."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == LOCAL_NAME


class Guard:
    """Decides on requests for pages of Access.ADMIN. `token` is empty where none is set."""

    def __init__(self, token: str) -> None:
        self.token = token
        # The token itself stays out of the browser's store.
        self.cookie = hmac.new(token.encode(), b"cookie of the web page", sha256).hexdigest()

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not be let in, or None."""
        if not self.token:
            return None if is_local(request.url.hostname or "") else PlainTextResponse(FOREIGN, 421)
        if "token" in request.query_params:
            return self.entry(request)
        return None if self.knows(request) else PlainTextResponse(LOCKED, 401, CHALLENGE)

    def knows(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer" and same(given.strip(), self.token)
        return bearer or same(request.cookies.get(COOKIE, ""), self.cookie)

    def entry(self, request: Request) -> Response:
        """The way in by `?token=`: a cookie, and the same address without the token, which would
        stay in the browser's history."""
        if not same(request.query_params["token"], self.token):
            return PlainTextResponse(LOCKED, 401, CHALLENGE)
        left = [pair for pair in request.query_params.multi_items() if pair[0] != "token"]
        answer = RedirectResponse(here(request.url.path, urlencode(left)), 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, self.cookie, KEPT_SECONDS, httponly=True, samesite="lax", secure=secure
        )
        return answer


def here(path: str, query: str) -> str:
    """A path on this host, also where it begins with two slashes, which would name another."""
    return "/" + path.lstrip("/") + (f"?{query}" if query else "")


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


CHALLENGE = {"www-authenticate": "Bearer"}
LOCKED = "The token is needed: Authorization: Bearer WEB_TOKEN, or once /?token=WEB_TOKEN.\n"
FOREIGN = (
    "Without WEB_TOKEN only requests for localhost are answered: set WEB_TOKEN, or let the proxy"
    " send 'Host: localhost'.\n"
)


class Guarded:
    """ASGI app of a page that only an admin may see."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.guard.refusal(Request(scope))
        await (refusal or self.app)(scope, receive, send)
