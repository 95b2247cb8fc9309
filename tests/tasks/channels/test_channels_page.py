"""Every URL in docs/channels.md can be used as it is shown."""

import re
from pathlib import Path

import pytest

from scheduler.settings import ChannelName, InvalidSetting, Settings
from tasks.channels.template import LETTER_VALUES, VALUES
from tests.tasks.channels.attempt import channels

PAGE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
SETTINGS = re.findall(r"^(CHANNEL_[A-Z]+)='([^']+)'$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("setting", "url"), SETTINGS)
def test_a_setting_can_be_used_as_it_stands(setting: str, url: str) -> None:
    real = url.replace("BOT_TOKEN", "123456789:abcdefg_hijklmnop")

    assert len(channels(**{setting.lower(): real})) == 1


def test_the_page_of_settings_shows_a_url_that_can_be_used() -> None:
    url = str(Settings.model_fields["channel_email"].description).rpartition(" ")[2]

    assert len(channels(channel_email=url)) == 1


def test_the_url_that_a_refusal_shows_can_be_used() -> None:
    with pytest.raises(InvalidSetting) as refused:
        channels(channel_email="garbage")
    url = str(refused.value).rpartition(" ")[2].removesuffix(".")

    assert len(channels(channel_email=url)) == 1


def test_each_channel_has_an_example() -> None:
    assert {setting.lower() for setting, _ in SETTINGS} == {
        f"channel_{name}" for name in ChannelName
    }


def test_each_placeholder_is_explained() -> None:
    assert all(f"`{{{name}}}`" in PAGE for name in (*VALUES, *LETTER_VALUES))
