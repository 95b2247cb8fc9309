"""Pages that many ask for at once: made once a second, and two at a time."""

import asyncio
import time
from threading import Lock

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tasks.web import shared_page
from tasks.web.shared_page import SharedPages


def a_request(path: str, language: str = "en") -> Request:
    headers = [(b"accept-language", language.encode()), (b"host", b"page.example")]
    return Request(
        {
            "type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers,
            "scheme": "http", "server": ("page.example", 80),
        }
    )  # fmt: skip


class Kitchen:
    """Makes pages slowly, and counts."""

    def __init__(self) -> None:
        self.lock, self.made, self.now, self.most = Lock(), list[str](), 0, 0

    def answer(self, request: Request) -> Response:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.made.append(request.url.path)
        time.sleep(0.02)
        with self.lock:
            self.now -= 1
        return PlainTextResponse(request.url.path)


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def asked(pages: SharedPages, kitchen: Kitchen, *requests: Request) -> list[bytes]:
    async def ask() -> list[Response]:
        return await asyncio.gather(*(pages.get(one, kitchen.answer) for one in requests))

    return [bytes(each.body) for each in asyncio.run(ask())]


def test_requests_for_the_same_page_get_the_same(kitchen: Kitchen) -> None:
    got = asked(SharedPages(), kitchen, *[a_request("/")] * 20)

    assert (got, kitchen.made) == ([b"/"] * 20, ["/"])


def test_each_language_has_its_own(kitchen: Kitchen) -> None:
    asked(SharedPages(), kitchen, a_request("/"), a_request("/", "am"))

    assert kitchen.made == ["/", "/"]


def test_two_are_made_at_a_time(kitchen: Kitchen) -> None:
    asked(SharedPages(), kitchen, *(a_request(f"/sessions/{number}") for number in range(9)))

    assert (len(kitchen.made), kitchen.most) == (9, 2)


def test_an_old_one_is_made_again(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_page, "KEPT_SECONDS", -1.0)
    pages = SharedPages()

    async def twice() -> None:
        for _ in range(2):
            await pages.get(a_request("/"), kitchen.answer)

    asyncio.run(twice())

    assert (kitchen.made, len(pages.made)) == (["/", "/"], 1)


def test_a_client_that_disconnects_ends_no_other_clients_page(kitchen: Kitchen) -> None:
    pages = SharedPages()

    async def one_leaves() -> Response:
        leaves = asyncio.ensure_future(pages.get(a_request("/"), kitchen.answer))
        stays = asyncio.ensure_future(pages.get(a_request("/"), kitchen.answer))
        await asyncio.sleep(0)
        leaves.cancel()
        return await stays

    assert asyncio.run(one_leaves()).body == b"/"
    assert kitchen.made == ["/"]
