"""The pages in a real browser, where one is installed: by keyboard, on a phone, in light and dark,
in both languages, and as axe-core judges them."""

from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from scheduler.settings import Settings, load_settings
from tasks.demo.servers import drop_database
from tasks.demo.servers.databases import Server
from tests import servers
from tests.clean_databases import unused_name
from tests.command_line import Commands
from tests.scheduler.ledger.rows import an_attempt
from tests.tasks.web.browsers import NAMES, chromium, installed
from tests.tasks.web.conftest import EMAIL, served
from tests.tasks.web.example_site import ExampleSite

# Half a minute of one processor.
pytestmark = pytest.mark.long

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
LOOKS = (("en", "light", 1280), ("am", "dark", 320))
# What reaches beyond the window's edge and lies in nothing that scrolls by itself.
WIDER = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll('main *, header *, footer *')]
    .filter((each) => each.getBoundingClientRect().right > innerWidth && !each.closest('.scroll'))
    .map((each) => each.outerHTML.slice(0, 200))"""
JUDGE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(' ')}`.slice(0, 600))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = installed()
    if program is None:
        pytest.skip(f"no browser is installed here: {', '.join(NAMES)}")
    with chromium(program) as browser:
        yield browser


@pytest.fixture(scope="module")
def site_url(postgres: Server, template: str) -> Iterator[str]:
    name = unused_name("browser")
    servers.clone_template(postgres, name, template)
    yield postgres.url(name)
    drop_database(postgres, name)


@pytest.fixture(scope="module")
def site(site_url: str) -> Iterator[ExampleSite]:
    with servers.connect(site_url) as conn:
        site = ExampleSite(conn)
        Commands(conn, site_url).run("expand")
        yield site


@pytest.fixture(scope="module")
def url(site: ExampleSite, site_url: str, valkey_server: str) -> Iterator[str]:
    settings: Settings = load_settings(
        _env_file=None, database_url=site_url, redis_url=valkey_server, channel_email=EMAIL
    )
    with served(settings) as url:
        yield url.rstrip("/")


def paths(site: ExampleSite) -> tuple[str, ...]:
    return ("/", f"/sessions/{site.session}", f"/people/{site.person}", "/search?q=hana")


def read(page: Page, url: str) -> None:
    """Open the page until what is read in the background is there."""
    page.goto(url)
    for _ in range(120):
        if "reload in a moment" not in page.inner_text("main") and "እንደገና" not in page.inner_text(
            "main"
        ):
            return
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError(page.inner_text("main"))


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS, ids=str)
def test_the_pages_are_for_everybody(
    browser: Chromium, site: ExampleSite, url: str, language: str, scheme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 800},
        bypass_csp=True,  # for axe alone
    )
    page, asked, errors = context.new_page(), set[str](), list[str]()
    page.on("request", lambda request: asked.add(request.url))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    for path in paths(site):
        read(page, f"{url}{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate(WIDER) == [], path
        page.evaluate(AXE)
        assert page.evaluate(JUDGE) == [], path
    context.close()

    assert {each for each in asked if not each.startswith(url)} == set()
    assert errors == []


def test_all_can_be_done_by_keyboard(browser: Chromium, site: ExampleSite, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}/?lang=en")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto(f"{url}/?lang=en")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type(str(site.person))
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    assert page.locator(f'a[href="/people/{site.person}"]').count() == 1
    page.close()


def test_a_message_that_goes_out_appears_by_itself(
    browser: Chromium, site: ExampleSite, url: str
) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    with page.expect_response("**/events"):
        page.goto(f"{url}/?lang=en")
    page.wait_for_timeout(1_500)  # the stream tells what is newer than its beginning
    an_attempt(site.conn, site.delivery, words="421 <b>busy</b> now", outcome="failed")
    site.conn.commit()

    row = page.locator("#messages tr", has_text="421 <b>busy</b> now")
    row.wait_for(timeout=30_000)

    assert row.locator(".state.failed").inner_text() == "failed"
    assert errors == []  # the page's own rules for scripts are in force here
    page.close()
