"""Telegram through Apprise's plugin."""

import json
from datetime import timedelta
from typing import Any

import pytest
from apprise.plugins.telegram import NotifyTelegram

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.channels.outcome import Outcome
from tests.sinks.http import Answer, HttpSink
from tests.tasks.channels.attempt import (
    FOR_GOOD,
    LATER,
    SENT,
    UNKNOWN,
    a_letter,
    a_person,
    channels,
    said,
    try_once,
)


class TestTelegram:
    @pytest.fixture
    def telegram(self, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> Channel:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{http_sink.url}/bot")
        http_sink.answer(Answer(body=b'{"ok": true, "result": {}}'))
        url = "tgram://123456789:abcdefg_hijklmnop/{telegram}/"
        return channels(channel_telegram=url)[ChannelName.TELEGRAM]

    def send(self, telegram: Channel, **letter: Any) -> Outcome:
        person = a_person(addresses={ChannelName.TELEGRAM: "-1001234567"})
        return try_once(telegram, a_letter(**letter), person)

    def test_a_message_goes_to_the_persons_chat(
        self, telegram: Channel, http_sink: HttpSink
    ) -> None:
        assert said(self.send(telegram)) == SENT
        assert http_sink.requests[0].json["chat_id"] == -1001234567

    def test_tags_in_a_text_are_no_markup(self, telegram: Channel, http_sink: HttpSink) -> None:
        self.send(telegram, title="<b>T</b>", text="<a href='x'>A</a> & B\n{{ 7*7 }}")

        text = http_sink.requests[0].json["text"]
        assert text.startswith("<b>&lt;b&gt;T&lt;/b&gt;</b>")
        assert "&lt;a href=" in text
        assert "&amp; B\r\n{{ 7*7 }}" in text

    def test_the_wait_of_a_429_stands_in_the_body(
        self, telegram: Channel, http_sink: HttpSink
    ) -> None:
        body = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 35}}
        http_sink.answer(Answer(status=429, body=json.dumps(body).encode()))

        outcome = self.send(telegram)

        assert (said(outcome), outcome.wait) == (LATER, timedelta(seconds=35))

    def test_a_blocked_bot_is_for_good(self, telegram: Channel, http_sink: HttpSink) -> None:
        body = b'{"ok": false, "description": "Forbidden: bot was blocked by the user"}'
        http_sink.answer(Answer(status=403, body=body))

        outcome = self.send(telegram)

        assert said(outcome) == FOR_GOOD
        assert "bot was blocked by the user" in outcome.words

    def test_the_bots_token_stays_out_of_the_words(
        self, telegram: Channel, http_sink: HttpSink
    ) -> None:
        body = b'{"ok": false, "description": "no bot 123456789:abcdefg_hijklmnop"}'
        http_sink.answer(Answer(status=404, body=body))

        assert "abcdefg" not in self.send(telegram).words

    def test_a_text_that_is_too_long_is_cut(self, telegram: Channel, http_sink: HttpSink) -> None:
        """Telegram takes 4,096 characters."""
        assert said(self.send(telegram, text="lesson & " * 2000)) == SENT

        [request] = http_sink.requests
        assert 2000 < len(request.json["text"]) <= 4096

    @pytest.mark.usefixtures("telegram")
    def test_a_text_that_is_taken_in_part_is_unknown(self, http_sink: HttpSink) -> None:
        """A repeat would send the part again."""
        url = "tgram://123456789:abcdefg_hijklmnop/{telegram}/?overflow=split"
        telegram = channels(channel_telegram=url)[ChannelName.TELEGRAM]
        http_sink.answer(Answer(status=500))
        http_sink.answer(Answer(body=b'{"ok": true}'), times=1)

        assert said(self.send(telegram, text="lesson " * 2000)) == UNKNOWN
