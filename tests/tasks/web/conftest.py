"""The page on a test's database, by a real server in a thread of this process."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread

import pytest
import requests
from sqlalchemy import Connection

from scheduler.settings import Settings, load_settings
from tasks.web.server import address_of, listen, server
from tests.eventually import eventually

EMAIL = "mailto://u:p@mail.example?from=a@b.example&to={email}"


@dataclass
class Browser:
    """Asks a page by real requests. What the test wrote is committed first."""

    conn: Connection
    url: str

    def get(self, path: str, **options: object) -> requests.Response:
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        self.conn.commit()
        return requests.request(method, self.url + path.lstrip("/"), timeout=30, **options)  # type: ignore[arg-type]


@pytest.fixture
def settings(database: str, valkey: str) -> Settings:
    return load_settings(
        _env_file=None, database_url=database, redis_url=valkey, channel_email=EMAIL
    )


@pytest.fixture
def browser(conn: Connection, settings: Settings) -> Iterator[Browser]:
    conn.commit()
    with served(settings) as url:
        yield Browser(conn, url)


class served:  # noqa: N801 (used as a function)
    """The URL of a server with these settings, which ends with the block."""

    def __init__(self, settings: Settings) -> None:
        self.listening = listen("127.0.0.1", 0)
        self.server = server(settings)
        self.thread = Thread(target=self.server.run, kwargs={"sockets": [self.listening]})

    def __enter__(self) -> str:
        self.thread.start()
        eventually(lambda: self.server.started, within=60)
        return address_of(self.listening)

    def __exit__(self, *_: object) -> None:
        self.server.end()
        self.thread.join(60)
        self.listening.close()
