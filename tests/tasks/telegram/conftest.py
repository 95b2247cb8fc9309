from collections.abc import Iterator

import pytest
from apprise.plugins.telegram import NotifyTelegram

from tests.sinks.bot_api import BotApi
from tests.tasks.channels.conftest import log
from tests.tasks.delivery.conftest import make_day

__all__ = ["log", "make_day"]


@pytest.fixture(scope="session")
def bot_server() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


@pytest.fixture
def api(bot_server: BotApi, monkeypatch: pytest.MonkeyPatch) -> BotApi:
    """The Bot API; Apprise's plugin and the reader of updates find it."""
    bot_server.reset()
    monkeypatch.setattr(NotifyTelegram, "notify_url", bot_server.before_token)
    return bot_server
