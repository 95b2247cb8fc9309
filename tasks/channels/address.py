"""Whether a person can be reached by e-mail or phone, and as what."""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why a person has no address here: `no_email`, `bad_email`, `no_phone`, `bad_phone`,
    `landline`, `no_telegram` and so on. A word for the ledger, without the address."""

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
    """The address as it is given to a mail server: ASCII, an international domain in its A form.

    A quoted local part and a local part beyond ASCII count as unusable.
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
    """The number in E.164 (`+251911223344`); one without a country code is of the region."""
    number = parsed_number(text, region)
    return number if isinstance(number, Unreachable) else in_e164(number)


def mobile_number(text: str | None, region: str) -> str | Unreachable:
    """As `phone_number`, for numbers that take an SMS; a kind that cannot be told is tried."""
    number = parsed_number(text, region)
    if isinstance(number, Unreachable):
        return number
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.FIXED_LINE:
        return Unreachable("landline")
    return Unreachable("not_a_mobile") if kind in WITHOUT_SMS else in_e164(number)


WITHOUT_SMS = {
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
}


def parsed_number(text: str | None, region: str) -> phonenumbers.PhoneNumber | Unreachable:
    if not text or not text.strip():
        return Unreachable("no_phone")
    try:
        number = phonenumbers.parse(text.strip(), region)
    except NumberParseException:
        return Unreachable("bad_phone")
    return number if phonenumbers.is_valid_number(number) else Unreachable("bad_phone")


def in_national_form(number: str) -> str:
    """`+251911223344` → `0911223344`: as it is dialled in its own country, digits alone."""
    parsed = phonenumbers.parse(number)
    written = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    return phonenumbers.normalize_digits_only(written)


def in_e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
