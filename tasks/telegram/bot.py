"""Calls of the Bot API (https://core.telegram.org/bots/api), with the token of CHANNEL_TELEGRAM."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from apprise.plugins.telegram import NotifyTelegram

from scheduler.settings import ChannelName, OutboxMode, Settings
from tasks.channels.plugins import sample_plugin
from tasks.channels.redaction import fit
from tasks.channels.template import read_template

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
# Other updates are not sent to us.
WANTED = ("message", "callback_query", "my_chat_member")


class BotTrouble(Exception):
    """The bot could not be asked, or refused. One line without the token."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot: `url` is that of the API before the token."""

    url: str
    token: str = field(repr=False)

    @property
    def id(self) -> int:
        """The bot's user id, the first part of its token."""
        return int(self.token.partition(":")[0])

    def updates(self, after: int, wait: timedelta) -> list[Mapping[str, Any]]:
        """The updates after the number `after`; waits for the first one (long poll)."""
        asked = {
            "offset": after + 1,
            "timeout": int(wait.total_seconds()),
            "allowed_updates": WANTED,
        }
        found = self.call("getUpdates", asked, wait)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def call(
        self, method: str, parameters: Mapping[str, Any], wait: timedelta = timedelta(0)
    ) -> Any:
        """The call's result. `wait`: how long the server may hold the answer back.

        Raises BotTrouble, also where there is no answer in time.
        """
        times = (CONNECT_SECONDS, ANSWER_SECONDS + wait.total_seconds())
        try:
            answer = requests.post(
                f"{self.url}{self.token}/{method}", json=parameters, timeout=times
            )
            body = answer.json()
        except (requests.RequestException, ValueError) as error:
            # requests' own words have the whole address, and so the token.
            raise BotTrouble(f"{method}: {type(error).__name__}") from None
        if not isinstance(body, dict) or body.get("ok") is not True:
            words = body.get("description") if isinstance(body, dict) else None
            said = fit(str(words or ""), {self.token, self.token.partition(":")[2]})
            raise BotTrouble(f"{method}: {answer.status_code} {said}".rstrip())
        return body.get("result")


def bot_of(settings: Settings) -> Bot | None:
    """The bot of CHANNEL_TELEGRAM; None where that is no tgram:// URL, or nobody is written to."""
    channel = settings.channels.get(ChannelName.TELEGRAM)
    if channel is None or settings.outbox.mode is not OutboxMode.LIVE:
        return None
    plugin = sample_plugin(read_template(channel))
    if not isinstance(plugin, NotifyTelegram):
        return None
    return Bot(plugin.notify_url, plugin.bot_token)
