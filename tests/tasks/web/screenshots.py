"""Pictures of the page for the README and docs/web.md.

uv run python -m tests.tasks.web.screenshots
"""

import sys
from pathlib import Path

from scheduler.settings import load_settings
from tasks.demo.servers import Durability, Workspace, start_postgres, start_valkey
from tests import servers
from tests.command_line import REPOSITORY, Commands
from tests.tasks.web.browsers import NAMES, chromium, installed
from tests.tasks.web.conftest import EMAIL, served
from tests.tasks.web.example_site import ExampleSite
from tests.tasks.web.test_browser import read

PICTURES = REPOSITORY / "docs" / "pictures"


def main() -> None:
    program = installed()
    if program is None:
        sys.exit(f"No browser is installed here: {', '.join(NAMES)}")
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.THROW_AWAY)
        servers.create_template(server, "empty")
        servers.clone_template(server, "site", "empty")
        broker = start_valkey(workspace).url()
        with servers.connect(server.url("site")) as conn:
            site = ExampleSite(conn)
            Commands(conn, server.url("site")).run("expand")
            settings = load_settings(
                _env_file=None, database_url=server.url("site"), redis_url=broker,
                channel_email=EMAIL,
            )  # fmt: skip
            with served(settings) as url:
                take(program, url, site, PICTURES)


def take(program: str, url: str, site: ExampleSite, folder: Path) -> None:
    """One picture of each page, some in the dark, one on a phone, one in Amharic."""
    folder.mkdir(exist_ok=True)
    with chromium(program) as browser:
        for name, path, scheme, language, width in (
            ("today", "", "light", "en", 1100),
            ("today-phone", "", "dark", "am", 390),
            ("session", f"sessions/{site.session}", "light", "en", 1100),
            ("search", "search?q=hana", "dark", "en", 1100),
        ):
            context = browser.new_context(
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": width, "height": 1000 if width > 500 else 844},
            )
            page = context.new_page()
            read(page, f"{url}{path}{'&' if '?' in path else '?'}lang={language}")
            page.screenshot(path=folder / f"{name}.png")
            context.close()


if __name__ == "__main__":
    main()
