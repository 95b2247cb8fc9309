"""Addresses of a person: e-mail, and phone numbers in E.164."""

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Reason why a person has no usable address: `no_email`, `bad_email`, `no_phone`, `bad_phone`,
    `landline`, `no_telegram` and so on. A code for the ledger, without the address."""

    reason: str


# RFC 5321's dot-string, without the percent sign: Apprise decodes some parts of a URL twice, and
# `%2C` in an address would become a second recipient.
ATOM = r"[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(?:\.{ATOM})*")
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = re.compile(rf"(?:{LABEL}\.)+{LABEL}")
LONGEST_LOCAL_PART = 64
LONGEST_DOMAIN = 253


def email_address(text: str | None) -> str | Unreachable:
    """The address for a mail server: ASCII, with an international domain in its A form (RFC 5890).

    An address with a quoted or non-ASCII local part is unusable.
    """
    if not text or not text.strip():
        return Unreachable("no_email")
    local_part, _, domain = text.strip().rpartition("@")
    domain = ascii_domain(domain)
    fits = len(local_part) <= LONGEST_LOCAL_PART and len(domain) <= LONGEST_DOMAIN
    if fits and LOCAL_PART.fullmatch(local_part) and DOMAIN.fullmatch(domain):
        return f"{local_part}@{domain}"
    return Unreachable("bad_email")


def ascii_domain(domain: str) -> str:
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def phone_number(text: str | None, region: str) -> str | Unreachable:
    """The number in E.164 (`+251911223344`). `region`: that of numbers without a country code.

    Of several numbers in the text, the first that accepts SMS, or else the first.
    """
    numbers = numbers_in(text, region)
    if isinstance(numbers, Unreachable):
        return numbers
    mobile = [number for number in numbers if why_no_sms(number) is None]
    return in_e164([*mobile, *numbers][0])


def mobile_number(text: str | None, region: str) -> str | Unreachable:
    """As `phone_number`, but only a number that accepts SMS; one of an unknown kind is accepted."""
    numbers = numbers_in(text, region)
    if isinstance(numbers, Unreachable):
        return numbers
    mobile = [number for number in numbers if why_no_sms(number) is None]
    return in_e164(mobile[0]) if mobile else Unreachable(why_no_sms(numbers[0]) or "")


WITHOUT_SMS = {
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
}


def why_no_sms(number: PhoneNumber) -> str | None:
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.FIXED_LINE:
        return "landline"
    return "not_a_mobile" if kind in WITHOUT_SMS else None


# Characters of a number: `+251 (91) 122-33.44`. Any other character ends it. A letter directly
# before the digits is a typing error (`O911…`), not a word.
DASHES = r"\-\u2010-\u2015\u2212"
WRITTEN = re.compile(rf"(?<![^\W\d_])[+\uff0b]?[\d(][\d\s().{DASHES}]*")
GAP = re.compile(rf"[\s.{DASHES}]+")


def numbers_in(text: str | None, region: str) -> list[PhoneNumber] | Unreachable:
    """The valid numbers in the text, in order, at least one.

    Words may stand before and after a number, but not inside it; phonenumbers alone would read
    letters as the keys of a telephone.
    """
    if not text or not text.strip():
        return Unreachable("no_phone")
    plain = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    found = [each for part in WRITTEN.findall(plain) for each in whole_numbers(part, region)]
    if not found and not any(sign.isalpha() for sign in plain):
        found = whole_numbers(plain.replace("/", " "), region)  # 0911/223344 is one number
    return found or Unreachable("bad_phone")


def whole_numbers(digits: str, region: str) -> list[PhoneNumber]:
    """One number, or several that are separated only by gaps, with no other digits."""
    one = valid_number(digits, region)
    if one is not None:
        return [one]
    found: list[PhoneNumber] = []
    group = ""
    for token in GAP.split(digits.strip()):
        group += token
        number = valid_number(group, region)
        if number is not None:
            found.append(number)
            group = ""
    return [] if group.strip("()") else found


def valid_number(digits: str, region: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def in_national_form(number: str) -> str:
    """`+251911223344` → `0911223344`: the digits dialled within the number's own country."""
    parsed = phonenumbers.parse(number)
    written = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    return phonenumbers.normalize_digits_only(written)


def in_e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
