"""Kannel 1.4.5 in reality: the SMS that a phone gets with the recipe in docs/channels.md."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from scheduler.settings import ChannelName, InvalidSetting
from tasks.channels.channel import Channel
from tasks.channels.outcome import About, Result
from tests.eventually import eventually
from tests.sinks.http import HttpSink
from tests.sinks.kannel import Kannel, Sms, is_installed
from tests.tasks.channels.attempt import KEY, a_letter, a_person, channels, try_once

PAGE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
AMHARIC = "ትምህርት በ8:00 ይጀምራል፦ ፊዚክስ ከአበበ በቀለ ጋር።"
ENGLISH = (
    "Physics begins in 15 minutes, at 14:00, with Abebe Bekele: https://meet.example.et/abc-defg-hijk"
    " Reply STOP to stop it."
)


@pytest.fixture(scope="module")
def kannel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kannel]:
    if not is_installed():
        pytest.skip("Kannel is not installed: apt-get install kannel kannel-extras")
    with Kannel(tmp_path_factory.mktemp("kannel")) as kannel:
        yield kannel


def recipe(name: str) -> str:
    """A setting of the page's section about Kannel."""
    section = PAGE.partition("### Kannel")[2].partition("\n### ")[0].partition("\n## ")[0]
    [found] = [line for line in section.splitlines() if line.startswith(f"{name}=")]
    return found.partition("=")[2].strip("'")


def school(kannel: Kannel, url: str | None = None, **values: str) -> Channel:
    """The recipe's SMS channel, at this Kannel."""
    here = (url or recipe("CHANNEL_SMS")).replace(
        "kannel.example:13013", f"127.0.0.1:{kannel.port}"
    )
    given = {"channel_sms_accepted": recipe("CHANNEL_SMS_ACCEPTED"), **values}
    return channels(channel_sms=here, **given)[ChannelName.SMS]


def phone_gets(kannel: Kannel, before: int, count: int) -> list[Sms]:
    eventually(lambda: len(kannel.parts()) >= before + count)
    return kannel.parts()[before:]


def test_amharic_comes_out_whole(kannel: Kannel) -> None:
    before = len(kannel.parts())

    outcome = try_once(school(kannel), a_letter(text=AMHARIC))

    assert (outcome.result, outcome.words) == (Result.SENT, "202 0: Accepted for delivery")
    assert phone_gets(kannel, before, 1) == [Sms("+251911223344", "ucs-2", AMHARIC)]


def test_a_long_amharic_text_comes_out_in_parts_that_are_the_whole(kannel: Kannel) -> None:
    before, text = len(kannel.parts()), AMHARIC * 3

    assert try_once(school(kannel), a_letter(text=text)).result is Result.SENT

    parts = phone_gets(kannel, before, 2)
    assert "".join(part.text for part in parts) == text


def test_an_english_text_of_119_letters_is_one_sms(kannel: Kannel) -> None:
    before = len(kannel.parts())

    assert len(ENGLISH) == 119
    assert try_once(school(kannel), a_letter(text=ENGLISH)).result is Result.SENT

    [part] = phone_gets(kannel, before, 1)
    assert (part.kind, part.text) == ("text", ENGLISH)


def test_a_refused_login_is_the_channels_trouble(kannel: Kannel) -> None:
    outcome = try_once(school(kannel, recipe("CHANNEL_SMS").replace("=PASSWORD", "=wrong")))

    assert (outcome.result, outcome.about) == (Result.FAILED, About.CHANNEL)
    assert outcome.words.startswith("403 Forbidden: Authorization failed for sendsms")


def test_a_refusal_is_told_in_kannels_words(kannel: Kannel) -> None:
    """Kannel declares its few plain words to be HTML."""
    url = recipe("CHANNEL_SMS").replace("&:to=", "&:nobody=")

    outcome = try_once(school(kannel, url))

    assert outcome.result is Result.FAILED
    assert outcome.words == "400 Bad Request: Missing receiver number, rejected"


def test_the_key_comes_back_with_the_receipt(kannel: Kannel, http_sink: HttpSink) -> None:
    callback = (
        quote(f"{http_sink.url}/receipt?key=", safe="") + "{key}" + quote("&status=%d", safe="")
    )

    url = f"{recipe('CHANNEL_SMS')}&:dlr-mask=31&:dlr-url={callback}"
    assert try_once(school(kannel, url)).result is Result.SENT

    eventually(lambda: len(http_sink.requests) >= 2)
    told = [parse_qs(urlsplit(each.path).query) for each in http_sink.requests]
    assert {each["key"][0] for each in told} == {str(KEY)}
    assert {each["status"][0] for each in told} == {"8", "1"}


@pytest.fixture(scope="module")
def strict_kannel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kannel]:
    """Its SMSC, which never comes, takes numbers of one prefix alone; one SMS may wait for it."""
    if not is_installed():
        pytest.skip("Kannel is not installed: apt-get install kannel kannel-extras")
    changes = {
        "group = core": "group = core\nsms-outgoing-queue-limit = 1",
        "connect-allow-ip = 127.0.0.1": 'connect-allow-ip = 127.0.0.9\nallowed-prefix = "+25191"',
    }
    with Kannel(tmp_path_factory.mktemp("kannel"), changes) as kannel:
        yield kannel


@pytest.mark.parametrize("accepted", ["([03]: )", ""])
def test_a_number_that_kannel_has_no_way_to_is_the_persons_trouble(
    strict_kannel: Kannel, accepted: str
) -> None:
    """It answers 403, as to a wrong login."""
    way = school(strict_kannel, channel_sms_accepted=accepted)
    outcome = try_once(way, person=a_person(phone="+254712123456"))

    assert (outcome.result, outcome.about, outcome.final) == (Result.FAILED, About.PERSON, True)
    assert outcome.words == "403 Forbidden: Not routable. Do not try again."


@pytest.mark.parametrize("accepted", ["([03]: )", ""])
def test_a_kannel_whose_queue_is_full_has_not_taken_the_message(
    strict_kannel: Kannel, accepted: str
) -> None:
    """It answers 503, as many a proxy does where an answer was lost."""
    way = school(strict_kannel, channel_sms_accepted=accepted)
    try_once(way)  # waits in Kannel's store

    outcome = try_once(way)

    assert (outcome.result, outcome.about, outcome.final) == (Result.FAILED, About.BUSY, False)
    assert outcome.words.endswith(": Temporal failure, try again later.")  # the status is "503 Foo"


@pytest.mark.parametrize(
    "url",
    [
        "form://kannel.example:13013/cgi-bin/sendsms?method=GET&:to={phone}&:message=text",
        "form://kannel.example:13013/sendsms?method=GET&:to={phone}&:charset=UTF-8",
        "json://kannel.example:13013/cgi-bin/sendsms?:to={phone}",
    ],
)
def test_a_sendsms_without_coding_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        channels(channel_sms=url)

    assert str(refused.value).startswith("CHANNEL_SMS: ")
    assert "&:coding={coding}" in str(refused.value)
