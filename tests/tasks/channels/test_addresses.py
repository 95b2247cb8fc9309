"""Addresses of people: usable ones in their normal form, and reasons for unusable ones."""

import pytest

from scheduler.settings import ChannelName
from tasks.channels.address import (
    Unreachable,
    email_address,
    in_national_form,
    mobile_number,
    phone_number,
)
from tasks.channels.channel import Channel
from tests.tasks.channels.attempt import a_person, channels


@pytest.mark.parametrize(
    "text",
    [
        "abebe@example.et",
        "abebe.bekele+lessons@mail.example.co.et",
        "o'hara@example.et",
        "a?to=b&cc=c@example.et",
        "  abebe@example.et\n",
        "1@2.et",
    ],
)
def test_a_plain_address_is_taken_as_it_is(text: str) -> None:
    assert email_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "abebe",
        "abebe@localhost",
        "@example.et",
        "abebe@",
        "abebe@example..et",
        ".abebe@example.et",
        "abebe.@example.et",
        "abebe@-example.et",
        "abebe@example.et, sara@example.et",
        "abebe@example.et;sara@example.et",
        "Abebe <abebe@example.et>",
        "<abebe@example.et>",
        "abebe @example.et",
        "abebe@example.et?to=sara@example.et",
        "abebe@example.et&to=sara",
        "abebe@example.et\nBcc: sara@example.et",
        "abebe\r\n@example.et",
        "abebe%2Csara%40example.et@example.et",
        '"abebe bekele"@example.et',
        "አበበ@example.et",
        "abebe@[127.0.0.1]",
        "abebe\u202e@example.et",
        "a" * 65 + "@example.et",
        "abebe@" + "a." * 130 + "et",
        "abebe\x00@example.et",
    ],
)
def test_whatever_else_is_no_address(text: str) -> None:
    assert email_address(text) == Unreachable("bad_email")


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_empty_address_is_none(text: str | None) -> None:
    assert email_address(text) == Unreachable("no_email")
    assert phone_number(text, "ET") == Unreachable("no_phone")


def test_an_international_domain_is_written_in_ascii() -> None:
    assert email_address("abebe@ምሳሌ.et") == "abebe@" + "ምሳሌ".encode("idna").decode() + ".et"


@pytest.mark.parametrize(
    "text",
    [
        "0911223344",
        "+251911223344",
        "251911223344",
        "00251911223344",
        "0911 22 33 44",
        "091-122-3344",
    ],
)
def test_a_number_becomes_e164(text: str) -> None:
    assert mobile_number(text, "ET") == "+251911223344"


@pytest.mark.parametrize("text", ["0711223344", "+251 7 11 22 33 44"])
def test_the_second_operators_numbers_are_mobile(text: str) -> None:
    assert mobile_number(text, "ET") == "+251711223344"


@pytest.mark.parametrize("text", ["0111234567", "+251 11 123 4567", "046 220 5678"])
def test_a_landline_takes_no_sms(text: str) -> None:
    assert mobile_number(text, "ET") == Unreachable("landline")


def test_a_landline_is_a_phone_number_elsewhere() -> None:
    assert phone_number("0111234567", "ET") == "+251111234567"


@pytest.mark.parametrize("text", ["+18005550199", "+449000000000", "+448000000000"])
def test_a_toll_free_or_premium_number_takes_no_sms(text: str) -> None:
    assert isinstance(mobile_number(text, "ET"), Unreachable)


@pytest.mark.parametrize(
    "text",
    [
        "0911223344 (mother)",
        "0911223344 mother",
        "0911223344mother",
        "0911223344/0922334455",
        "0911223344 / 0922334455",
        "0911223344 0922334455",
        "0911 22 33 44  0922 33 44 55",
        "0911223344, 0922334455",
        "0911223344 or 0922334455",
        "0911223344 ወይም 0922334455",
        "0911223344;0922334455",
        "0911223344/45",
        "+251911223344+251922334455",
        "0111234567 / 0911223344",
        "home 0111234567, mobile 0911223344",
        "mother: 0911223344",
        "tel:+251911223344",
        "tel:0911223344;phone-context=+251",
        "0911223344 ext. 12",
        "\u202a+251 91 122 3344\u202c",
        "+251\u2011911\u2011223\u2011344",
        "0911/223344",
        "0911\u00a022\u00a033\u00a044",
        "(0911) 22 33 44",
        "+251 (0) 911 22 33 44",
    ],
)
def test_the_first_mobile_that_is_whole_by_itself_is_taken(text: str) -> None:
    assert mobile_number(text, "ET") == "+251911223344"
    assert phone_number(text, "ET") == "+251911223344"


@pytest.mark.parametrize(
    "text",
    [
        "0911 no work",
        "call 0911 22 EASY",
        "0911 22 EASY",
        "O911223344",
        "09l1223344",
        "091122334O",
        "0911-CALL-NOW",
        "0911 22 x 33 44",
        "0911223344 5",
        "0911223344-45",
        "09112233 home 44",
    ],
)
def test_letters_and_digits_too_many_within_a_number_are_never_dialled(text: str) -> None:
    assert mobile_number(text, "ET") == Unreachable("bad_phone")
    assert phone_number(text, "ET") == Unreachable("bad_phone")


def test_two_landlines_are_a_landline() -> None:
    assert mobile_number("0111234567/0112345678", "ET") == Unreachable("landline")


@pytest.mark.parametrize("text", ["12", "0911", "ask the mother", "/", "+", "()"])
def test_what_is_no_number_is_unreachable(text: str) -> None:
    assert mobile_number(text, "ET") == Unreachable("bad_phone")


def test_the_region_is_a_setting() -> None:
    sms = channels(channel_sms="json://localhost/?:to={phone}", phone_region="KE")[ChannelName.SMS]

    assert sms.address_of(a_person(phone="0712 345678")) == "+254712345678"


def reason(channel: Channel, **person: object) -> str | None:
    found = channel.reach(a_person(**person))
    return found.reason if isinstance(found, Unreachable) else None


def test_a_channel_needs_what_its_name_says() -> None:
    made = channels(channel_email="json://localhost", channel_sms="json://localhost")

    assert reason(made[ChannelName.EMAIL], email=None) == "no_email"
    assert reason(made[ChannelName.SMS], phone="0111234567") == "landline"


def test_a_channel_needs_what_its_url_names() -> None:
    push = channels(channel_push="json://localhost/?:who={person_id}")[ChannelName.PUSH]

    assert reason(push, person_id=None) == "no_user"
    assert push.address_of(a_person(person_id=42)) == "42"


def test_a_channel_without_a_persons_place_reaches_all() -> None:
    webhook = channels(channel_webhook="json://localhost/hook")[ChannelName.WEBHOOK]

    assert reason(webhook, person_id=None, email=None, phone=None, name=None) is None


def test_a_person_without_a_name_is_reached_all_the_same() -> None:
    webhook = channels(channel_webhook="json://localhost/?:name={name}")[ChannelName.WEBHOOK]

    assert reason(webhook, name=None) is None


def test_telegram_needs_the_persons_chat() -> None:
    url = "tgram://123456789:abcdefg_hijklmnop/{telegram}/"
    telegram = channels(channel_telegram=url)[ChannelName.TELEGRAM]

    assert reason(telegram) == "no_telegram"
    assert reason(telegram, addresses={ChannelName.TELEGRAM: "1, 2"}) == "bad_telegram"
    assert telegram.address_of(a_person(addresses={ChannelName.TELEGRAM: "-1001"})) == "-1001"


def test_address_is_the_persons_own_on_that_channel() -> None:
    push = channels(channel_push="ntfy://localhost/{address}")[ChannelName.PUSH]

    assert push.address_of(a_person(addresses={ChannelName.PUSH: "topic-7"})) == "topic-7"


@pytest.mark.parametrize(
    ("number", "national"),
    [
        ("+251911223344", "0911223344"),
        ("+254712345678", "0712345678"),
        ("+12025550123", "2025550123"),
    ],
)
def test_a_number_is_written_as_it_is_dialled_at_home(number: str, national: str) -> None:
    assert in_national_form(number) == national
