"""Template of a channel's Apprise URL: its placeholders and their values.

Values are percent-encoded as a whole, so that `?`, `&`, `@`, `/` and white space in them stay part
of the value (design, "Reminders and alarms").
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from scheduler.message import Recipient
from scheduler.settings import ChannelName, ChannelSettings, InvalidSetting
from tasks.channels.address import (
    Unreachable,
    email_address,
    in_national_form,
    mobile_number,
    phone_number,
)
from tasks.channels.redaction import one_line
from tasks.messages.letter import Letter
from tasks.messages.segments import in_gsm_alphabet

PLACEHOLDER = re.compile(r"\{([A-Za-z_]*)\}")
URL = re.compile(r"\s*[A-Za-z][\w+.-]*://.*", re.ASCII | re.DOTALL)
ADMIN = "ADMIN"
NO_URL = "this is no URL: write one such as mailtos://user:secret@mail.example?to={email}"


@dataclass(frozen=True, slots=True)
class Template:
    """An Apprise URL with placeholders. `setting`: its name in errors, such as CHANNEL_SMS.

    `fixed`: the recipient stands in the URL itself, as in ADMIN.
    """

    setting: str
    channel: ChannelName
    text: str
    placeholders: frozenset[str]
    fixed: bool = False

    def url(self, values: Mapping[str, str]) -> str:
        """The URL with these values, percent-encoded; a placeholder without a value becomes ''."""
        return PLACEHOLDER.sub(lambda hit: quote(values.get(hit[1], ""), safe=""), self.text)


def read_template(channel: ChannelSettings) -> Template:
    """The template of a channel. Raises InvalidSetting for a bad URL or unknown placeholder."""
    setting = f"CHANNEL_{channel.name.upper()}"
    refuse_no_url(setting, channel.url)
    names = frozenset(PLACEHOLDER.findall(channel.url))
    for name in sorted(names - set(VALUES) - set(LETTER_VALUES)):
        known = " ".join(f"{{{each}}}" for each in sorted({*VALUES, *LETTER_VALUES}))
        raise InvalidSetting(f"{setting}: {{{name}}} is no placeholder: use one of {known}.")
    return Template(setting, channel.name, channel.url, names)


def admin_template(url: str) -> Template:
    """The template of ADMIN, whose recipient stands in it. Raises InvalidSetting."""
    refuse_no_url(ADMIN, url)
    if PLACEHOLDER.search(url):
        raise InvalidSetting(f"{ADMIN}: write the admin's own address, without placeholders.")
    return Template(ADMIN, ChannelName.PUSH, url, frozenset(), fixed=True)


def refuse_no_url(setting: str, url: str) -> None:
    if not URL.fullmatch(url):
        raise InvalidSetting(f"{setting}: {NO_URL}.")


def values_of(
    template: Template, recipient: Recipient, region: str
) -> Mapping[str, str] | Unreachable:
    """Values of the template's placeholders; Unreachable where one has no value.

    `region`: that of phone numbers without a country code.
    """
    values = {}
    for name in template.placeholders & set(VALUES):
        value = VALUES[name](template.channel, recipient, region)
        if isinstance(value, Unreachable):
            return value
        values[name] = value
    return values


def letter_values(template: Template, letter: Letter, key: UUID) -> Mapping[str, str]:
    """Values of the template's placeholders that concern this message."""
    names = template.placeholders & set(LETTER_VALUES)
    return {name: LETTER_VALUES[name](letter, key) for name in names}


Value = str | Unreachable


def email_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return email_address(recipient.email)


def phone_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    number = mobile_number if channel is ChannelName.SMS else phone_number
    return number(recipient.phone, region)


def msisdn_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    """`251911223344`, the form that many gateways need."""
    number = phone_of(channel, recipient, region)
    return number if isinstance(number, Unreachable) else number.removeprefix("+")


def national_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    """`0911223344`, the form dialled in the number's own country."""
    number = phone_of(channel, recipient, region)
    return number if isinstance(number, Unreachable) else in_national_form(number)


def person_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return Unreachable("no_user") if recipient.person_id is None else str(recipient.person_id)


def name_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    """The name for display. A percent sign becomes its wide form, as Apprise may decode twice."""
    return one_line(recipient.name or "").replace("%", "％")


def role_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return recipient.role.value


def language_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return one_line(recipient.preferences.language)


def own_address(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return address_on(channel, recipient)


def telegram_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return address_on(ChannelName.TELEGRAM, recipient)


def push_of(channel: ChannelName, recipient: Recipient, region: str) -> Value:
    return address_on(ChannelName.PUSH, recipient)


# Characters of Telegram chats, device tokens, topics and names in a subscription file. None of them
# separates targets in an Apprise URL.
OWN_ADDRESS = re.compile(r"[A-Za-z0-9_.:@+=~#-]+")


def address_on(channel: ChannelName, recipient: Recipient) -> Value:
    address = recipient.addresses.get(channel, "").strip()
    if not address:
        return Unreachable(f"no_{channel}")
    return address if OWN_ADDRESS.fullmatch(address) else Unreachable(f"bad_{channel}")


VALUES: Mapping[str, Callable[[ChannelName, Recipient, str], Value]] = {
    "email": email_of,
    "phone": phone_of,
    "msisdn": msisdn_of,
    "national": national_of,
    "person_id": person_of,
    "name": name_of,
    "role": role_of,
    "language": language_of,
    "address": own_address,
    "telegram": telegram_of,
    "push": push_of,
}


def key_of(letter: Letter, key: UUID) -> str:
    return str(key)


def coding_of(letter: Letter, key: UUID) -> str:
    """Data coding as in Kannel and similar gateways: 0 is the GSM alphabet, 2 is UCS-2, which has
    less than half the characters in an SMS."""
    return "0" if in_gsm_alphabet(letter.text) else "2"


def minutes_left_of(letter: Letter, key: UUID) -> str:
    """Minutes to the start, at least 1, as gateways take a validity of 0 as none or as infinite."""
    return str(max(letter.minutes_left, 1))


LETTER_VALUES: Mapping[str, Callable[[Letter, UUID], str]] = {
    "key": key_of,
    "coding": coding_of,
    "minutes_left": minutes_left_of,
}

# Sample values with which a template is checked at the start. The addresses are reserved for
# documentation (RFC 2606) or look like one of their kind.
SAMPLE: Mapping[str, str] = {
    "email": "sample.person@example.com",
    "phone": "251911000111",  # Apprise takes no address that begins with a plus sign
    "msisdn": "251911000111",
    "national": "0911000111",
    "coding": "2",
    "minutes_left": "1440",
    "person_id": "424242",
    "name": "Sampleperson",
    "role": "student",
    "language": "en",
    "address": "424242424",
    "telegram": "424242424",
    "push": "424242424",
    "key": "00000000-0000-4000-8000-000000000000",
}
