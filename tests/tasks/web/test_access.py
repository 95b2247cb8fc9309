"""Access to the page, and its rules for a browser."""

from itertools import product

import pytest
from sqlalchemy import Connection

from scheduler.settings import InvalidSetting, Settings
from tasks.web.routes import ADDRESSES
from tasks.web.server import refuse_strangers
from tests.tasks.web.conftest import Browser, served

TOKEN = "a-long-random-text"


def test_a_page_is_shown_without_a_token_to_this_machine_only(browser: Browser) -> None:
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104
        "::",
        "192.0.2.1",
        "tutoring.example",
    ],
)
def test_on_another_address_it_starts_only_with_a_token(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidSetting, match="set WEB_TOKEN"):
        refuse_strangers(settings, host)
    refuse_strangers(settings.model_copy(update={"web_token": TOKEN}), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_this_machines_own_address_it_starts_without_one(settings: Settings, host: str) -> None:
    refuse_strangers(settings, host)


def test_the_token_opens_every_page_as_bearer_or_once_in_the_address(
    conn: Connection, settings: Settings
) -> None:
    with served(settings.model_copy(update={"web_token": TOKEN})) as url:
        locked = Browser(conn, url)

        assert locked.get("/metrics").status_code == 401
        assert locked.get("/metrics?token=another").status_code == 401
        assert locked.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 401
        assert locked.get("/metrics", cookies={"session_worker": TOKEN}).status_code == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert locked.get("/metrics", headers=bearer).status_code == 200
        entry = locked.get(f"/metrics?a=1&token={TOKEN}", allow_redirects=False)
        assert (entry.status_code, entry.headers["location"]) == (303, "/metrics?a=1")
        cookie = entry.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert TOKEN not in cookie
        assert locked.get("/metrics", cookies=entry.cookies.get_dict()).status_code == 200


def test_only_probes_are_answered_to_everybody(conn: Connection, settings: Settings) -> None:
    with served(settings.model_copy(update={"web_token": TOKEN})) as url:
        stranger = Browser(conn, url)
        answers = {
            each.path: stranger.get(each.path).status_code
            for each in ADDRESSES
            if "{" not in each.path
        }

    assert {path for path, status in answers.items() if status != 401} == {"/healthz", "/readyz"}


PATHS = ("/healthz", "/metrics", "/nothing")
WRITING = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_methods_that_could_write_are_refused(browser: Browser) -> None:
    for method, path in product(WRITING, PATHS):
        answer = browser.ask(method, path)

        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_browser_may_load_and_run_only_the_pages_own_files(browser: Browser) -> None:
    for path in PATHS:
        headers = browser.get(path).headers

        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_a_path_that_names_another_host_is_no_way_out(conn: Connection, settings: Settings) -> None:
    with served(settings.model_copy(update={"web_token": TOKEN})) as url:
        page = Browser(conn, url)
        answer = page.get(f"//evil.example/%2e?token={TOKEN}", allow_redirects=False)

    assert not answer.headers.get("location", "/").startswith("//")
