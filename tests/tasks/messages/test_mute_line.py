"""The line with the link to stop messages: on every channel, in every language."""

from dataclasses import replace
from itertools import product

import pytest

from scheduler.message import Kind
from scheduler.settings import ChannelName
from tasks.messages.render import TONGUES, Words, render
from tasks.messages.segments import segments
from tests.tasks.messages.samples import a_lesson, a_message

URL = "https://site.example/stop/k3J9x2M7qP4d"
TEXTS = [name for name in ChannelName if name is not ChannelName.WEBHOOK]


@pytest.mark.parametrize(("language", "channel"), [*product(TONGUES, TEXTS)])
def test_the_last_line_of_a_text_is_the_link(
    words: Words, language: str, channel: ChannelName
) -> None:
    message = a_message(a_lesson("en"), language=language, kind=Kind.REMINDER)
    plain = render(message, channel, words).text
    linked = render(replace(message, mute_url=URL), channel, words).text

    assert linked.splitlines()[-1].endswith(f" {URL}")
    assert URL not in plain
    if channel is not ChannelName.SMS:  # which shortens the rest
        assert linked.startswith(plain)


def test_the_webhook_has_it_in_its_data(words: Words) -> None:
    message = replace(a_message(a_lesson("en")), mute_url=URL)
    letter = render(message, ChannelName.WEBHOOK, words)

    assert letter.data is not None
    assert letter.data["mute_url"] == URL
    assert URL not in letter.text


def test_an_sms_still_goes_in_one_where_the_words_can_give_way(words: Words) -> None:
    lesson = a_lesson("en", topic="Quadratic equations and how to solve them " * 3)
    message = replace(a_message(lesson), mute_url=URL)

    assert segments(render(message, ChannelName.SMS, words).text) == 1
